//! Plan release: from resolved versions to names that are known up front.

use crate::names::{
    Commit, Component, Domain, Fqdn, RepositoryUrl, SecretName, Ticket, alias, hostname,
    hostname_of_release,
};
use crate::records::ZoneView;
use crate::rows::{AliasRow, Previous};
use crate::version::Version;
use crate::wire::{AlreadyLive, Planned};

/// One component of a release, resolved, with what was observed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Which.
    pub component: Component,
    /// As asked for.
    pub version: Version,
    /// What it resolved to.
    pub commit: Commit,
    /// Where it is fetched from.
    pub repository: RepositoryUrl,
    /// What opens it.
    pub credentials: Option<SecretName>,
    /// Where its alias points, and what runs there as far as it is recorded.
    pub live: Option<(Fqdn, Option<Commit>)>,
    /// Whether a candidate that is not gone has the commit's plain hostname.
    pub plain_name_taken: bool,
    /// What was live before, where that is asked for.
    pub before: Option<Before>,
}

/// What was live before, and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// Where it stood.
    pub hostname: Fqdn,
    /// The launch template version that repeats it.
    pub launch_template_version: String,
    /// Whether its instances are still there.
    pub warm: bool,
}

/// What becomes of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentPlan {
    /// It goes through a pipeline.
    Release(Planned),
    /// Nothing is to be done.
    AlreadyLive(AlreadyLive),
}

/// Decides what becomes of one component. Instances that are still there are taken over only for a
/// set that is `proven`: they booted with another release's peer names, so they could not be
/// tested beside this one's candidates.
pub fn plan_component(
    observed: Observed,
    ticket: Ticket,
    domain: &Domain,
    proven: bool,
) -> ComponentPlan {
    let Observed {
        component,
        version,
        commit,
        repository,
        credentials,
        live,
        plain_name_taken,
        before,
    } = observed;
    if let Some((at, Some(running))) = live
        && running == commit
    {
        let alias = alias(&component, domain);
        return ComponentPlan::AlreadyLive(AlreadyLive {
            component,
            version,
            commit,
            alias,
            hostname: at,
        });
    }
    let warm = proven && before.as_ref().is_some_and(|before| before.warm);
    let hostname = match &before {
        Some(before) if warm => before.hostname.clone(),
        _ if plain_name_taken => hostname_of_release(&component, &commit, ticket, domain),
        _ => hostname(&component, &commit, domain),
    };
    ComponentPlan::Release(Planned {
        component,
        version,
        commit,
        repository,
        hostname,
        credentials,
        companion: false,
        warm,
        repeats: before
            .map(|before| before.launch_template_version)
            .filter(|version| !version.is_empty()),
    })
}

/// What taking the target's last release back means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeBack {
    /// The release that is taken back.
    pub release: Ticket,
    /// What each component goes back to.
    pub back: Vec<(Component, Previous)>,
    /// Components that the release deployed for the first time: there is nothing to go back to, so
    /// they stay.
    pub stay: Vec<Component>,
}

/// Finds what the target's last release moved. DNS is the truth: a row that does not say what its
/// alias says is not gone by.
pub fn plan_take_back(
    rows: &[AliasRow],
    zone: &ZoneView,
    domain: &Domain,
) -> Result<TakeBack, String> {
    let live: Vec<&AliasRow> = rows
        .iter()
        .filter(|row| zone.get(&alias(&row.component, domain)).is_some())
        .collect();
    let Some(release) = live.iter().map(|row| row.ticket).max() else {
        return Err("nothing is live on this target".into());
    };
    let (mut back, mut stay) = (Vec::new(), Vec::new());
    for row in live.into_iter().filter(|row| row.ticket == release) {
        let alias = alias(&row.component, domain);
        if zone.points_to(&alias).as_ref() != Some(&row.hostname) {
            return Err(format!(
                "{alias} does not point to what the table records ({}), so what was live before is not known; release {} by its version",
                row.hostname, row.component
            ));
        }
        match &row.previous {
            Some(previous) => back.push((row.component.clone(), previous.clone())),
            None => stay.push(row.component.clone()),
        }
    }
    if back.is_empty() {
        return Err(format!(
            "release {release} was the first of {}; there is nothing to go back to",
            stay.iter()
                .map(Component::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    Ok(TakeBack {
        release,
        back,
        stay,
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
