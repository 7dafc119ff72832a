//! Plan release: from resolved versions to names that are known up front.

use crate::names::{
    Commit, Component, Domain, Fqdn, RepositoryUrl, Ticket, alias, hostname, hostname_of_release,
};
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
    /// Where its alias points, and what runs there as far as it is recorded.
    pub live: Option<(Fqdn, Option<Commit>)>,
    /// Whether a candidate that is not gone has the commit's plain hostname.
    pub plain_name_taken: bool,
}

/// What becomes of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentPlan {
    /// It goes through a pipeline.
    Release(Planned),
    /// Nothing is to be done.
    AlreadyLive(AlreadyLive),
}

/// Decides what becomes of one component.
pub fn plan_component(observed: Observed, ticket: Ticket, domain: &Domain) -> ComponentPlan {
    let Observed {
        component,
        version,
        commit,
        repository,
        live,
        plain_name_taken,
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
    let hostname = if plain_name_taken {
        hostname_of_release(&component, &commit, ticket, domain)
    } else {
        hostname(&component, &commit, domain)
    };
    ComponentPlan::Release(Planned {
        component,
        version,
        commit,
        repository,
        hostname,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(live: Option<char>, taken: bool) -> Observed {
        let sha = |c: char| Commit::new(c.to_string().repeat(40)).unwrap();
        let component = Component::new("api").unwrap();
        let domain = Domain::new("stage.myproj.com").unwrap();
        Observed {
            live: live.map(|c| (hostname(&component, &sha(c), &domain), Some(sha(c)))),
            component,
            version: Version::Head,
            commit: sha('a'),
            repository: RepositoryUrl::new("https://git.example.com/api.git").unwrap(),
            plain_name_taken: taken,
        }
    }

    fn check(observed: Observed, expected: &str) {
        let text = match plan_component(
            observed,
            Ticket(7),
            &Domain::new("stage.myproj.com").unwrap(),
        ) {
            ComponentPlan::AlreadyLive(live) => format!("already live at {}", live.hostname),
            ComponentPlan::Release(planned) => planned.hostname.to_string(),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn the_live_commit_needs_nothing() {
        check(
            observed(Some('a'), true),
            "already live at api-aaaaaaaaaaaa.stage.myproj.com",
        );
    }

    #[test]
    fn another_commit_gets_its_hostname() {
        check(
            observed(Some('b'), false),
            "api-aaaaaaaaaaaa.stage.myproj.com",
        );
        check(observed(None, false), "api-aaaaaaaaaaaa.stage.myproj.com");
    }

    #[test]
    fn a_commit_whose_hostname_is_in_use_gets_one_of_the_release() {
        check(observed(None, true), "api-aaaaaaaaaaaa-r7.stage.myproj.com");
    }
}
