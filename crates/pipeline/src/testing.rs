//! What the tests of this crate share.

use crate::launch_template;
use crate::manifest::Manifest;
use crate::names::{Commit, Component, Domain, Project, RepositoryUrl, Target, Ticket, hostname};
use crate::rows::EnvironmentRow;
use crate::settings::TargetSettings;
use crate::version::Version;
use crate::wire::{Bundle, Planned, Prepared, Release};

/// Release 42 to `stage`, which drains for 90 seconds.
pub(crate) fn release() -> Release {
    let environment = EnvironmentRow {
        domain: Domain::new("stage.myproj.com").unwrap(),
        zone_id: "Z".into(),
        launch_template_id: "lt-1".into(),
        launch_template_version: launch_template::first(),
        subnet_ids: Vec::new(),
        settings: TargetSettings {
            alias_ttl: 60,
            hostname_ttl: 60,
            drain_margin: 30,
            test_dependents: false,
        },
    };
    let project = Project::new("myproj").unwrap();
    let target = Target::new("stage").unwrap();
    Release {
        ticket: Ticket(42),
        ..Release::on(project, target, "x", environment)
    }
}

/// What a candidate of that release is booted from; `more` stands at the end of its manifest, below `[run]`.
pub(crate) fn recipe(name: &str, commit: &Commit, more: &str) -> Prepared {
    let component = Component::new(name).unwrap();
    let text = format!(
        "[component]\nname='{name}'\n[build]\nunit_tests='true'\ncommand='true'\noutput='dist'\n[run]\ncommand='./x'\nport=8080\n{more}\n"
    );
    Prepared {
        manifest: Manifest::parse(&text, &component).unwrap(),
        planned: Planned {
            version: Version::Head,
            commit: commit.clone(),
            repository: RepositoryUrl::new("https://git.p.com/a.git").unwrap(),
            hostname: Some(hostname(&component, commit, &release().domain)),
            credentials: None,
            companion: false,
            warm: false,
            repeats: None,
            replaces: None,
            component,
        },
        source: Bundle {
            key: String::new(),
            sha256: String::new(),
            bytes: 0,
        },
        artifact: None,
        vendor: Vec::new(),
        cache: None,
        warnings: Vec::new(),
    }
}
