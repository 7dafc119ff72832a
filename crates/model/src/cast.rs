//! Who plays: `ui` (and, where a second one is needed, `web`) talks to `api`, `api` to `msa`. A release brings the commit of its ticket.

use pipeline::manifest::Manifest;
use pipeline::names::{Commit, Component, Domain, Fqdn, RepositoryUrl, Ticket};
use pipeline::version::Version;
use pipeline::wire::{Bundle, Instance, Planned, Prepared, Release};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Seconds.
pub const ALIAS_TTL: u32 = 60;
/// Seconds.
pub const HOSTNAME_TTL: u32 = 60;

static DOMAIN: LazyLock<Domain> = LazyLock::new(|| Domain::new("s.p.com").expect("a domain"));

static MANIFESTS: LazyLock<BTreeMap<Component, Manifest>> = LazyLock::new(|| {
    let talks = [
        ("ui", "[\"api\"]"),
        ("web", "[\"api\"]"),
        ("api", "[\"msa\"]"),
        ("msa", "[]"),
    ];
    talks
        .into_iter()
        .map(|(name, peers)| (component(name), manifest_of(name, peers)))
        .collect()
});

fn manifest_of(name: &str, peers: &str) -> Manifest {
    let text = format!(
        "[component]\nname = \"{name}\"\npeers = {peers}\n\
         [build]\nunit_tests = \"true\"\ncommand = \"true\"\noutput = \"dist\"\n\
         [run]\ncommand = \"./run\"\nport = 8080\n\
         [[suite]]\nname = \"smoke\"\ncommand = \"./smoke\"\n"
    );
    Manifest::parse(&text, &component(name)).expect("a manifest")
}

/// The target's domain.
pub fn domain() -> &'static Domain {
    &DOMAIN
}

/// A component by its name.
pub fn component(name: &str) -> Component {
    Component::new(name).expect("a component name")
}

/// Whom it talks to.
pub fn peers(of: &Component) -> &'static BTreeSet<Component> {
    &MANIFESTS[of].component.peers
}

/// Its manifest.
pub fn manifest(of: &Component) -> &'static Manifest {
    &MANIFESTS[of]
}

/// What a release brings: its ticket's digit, forty times.
pub fn commit(of: Ticket) -> Commit {
    Commit::new(of.0.to_string().repeat(40)).expect("a ticket of one digit")
}

/// What a candidate is booted from.
pub fn recipe(component: &Component, commit: &Commit, hostname: &Fqdn) -> Prepared {
    Prepared {
        planned: Planned {
            component: component.clone(),
            version: Version::Head,
            commit: commit.clone(),
            repository: repository(),
            hostname: Some(hostname.clone()),
            credentials: None,
            companion: false,
            warm: false,
            repeats: None,
            replaces: None,
        },
        source: Bundle {
            key: String::new(),
            sha256: String::new(),
            bytes: 0,
        },
        manifest: MANIFESTS[component].clone(),
        artifact: None,
        vendor: Vec::new(),
        cache: None,
        warnings: Vec::new(),
    }
}

/// The release of this ticket, as its stages know it.
pub fn release(ticket: Ticket) -> Release {
    Release {
        ticket,
        ..RELEASE.clone()
    }
}

static RELEASE: LazyLock<Release> = LazyLock::new(|| {
    let value = serde_json::json!({
        "project": "p", "target": "stage", "ticket": 0, "execution": "x",
        "domain": domain().as_str(), "zone_id": "Z", "launch_template_id": "",
        "subnet_ids": [], "alias_ttl": ALIAS_TTL, "hostname_ttl": HOSTNAME_TTL,
        "drain_seconds": 90, "skip_slow_scans": false, "size": 1, "test_dependents": true
    });
    serde_json::from_value(value).expect("a release")
});

/// One for all: nothing is fetched here.
pub fn repository() -> RepositoryUrl {
    RepositoryUrl::new("https://git.p.com/a.git").expect("a repository")
}

/// The one instance behind a hostname. Its id is its address: whom `fleet` finds by the tags of
/// the release that launched it and by its hostname.
pub fn instance(launched: Ticket, hostname: &Fqdn) -> Instance {
    let label = hostname.as_str().split('.').next().unwrap_or_default();
    let id = format!("{launched}/{label}");
    Instance {
        id: id.clone(),
        address: id,
    }
}

/// `api-222222222222-r3.s.p.com` as a person reads it here: `api-2-r3`.
pub fn short(name: &str) -> String {
    let name = name.strip_suffix(&format!(".{}", domain())).unwrap_or(name);
    let part = |part: &str| {
        let first = part.chars().next();
        let one = part.len() == 12 && part.chars().all(|c| Some(c) == first);
        if one {
            part[..1].to_owned()
        } else {
            part.to_owned()
        }
    };
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}
