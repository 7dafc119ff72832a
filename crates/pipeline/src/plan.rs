//! Plan release: from resolved versions to names that are known up front.

use crate::look::Look;
use crate::names::{
    Commit, Component, Domain, Fqdn, RepositoryUrl, SecretName, Ticket, alias, hostname,
    hostname_of_release,
};
use crate::records::{RecordType, ZoneView};
use crate::rows::{CandidateRow, CandidateState, Previous};
use crate::version::Version;
use crate::wire::{AlreadyLive, Planned};

/// One component of a release, resolved to a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
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
    /// What it brings back, in a roll-back.
    pub back: Option<Previous>,
}

/// The same, with what was observed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What is asked for.
    pub resolved: Resolved,
    /// Where its alias points, and what runs there.
    pub live: Option<LiveAt>,
    /// Whether something has the commit's plain hostname: a candidate that is not gone, or a record.
    pub plain_name_taken: bool,
    /// Whether the instances that a roll-back brings back are still there; once they were asked, whether they are well.
    pub warm: bool,
}

/// What a component's alias leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveAt {
    /// Where it stands.
    pub hostname: Fqdn,
    /// What runs there, as far as it is recorded.
    pub commit: Option<Commit>,
    /// How it is.
    pub health: Health,
}

/// How live instances are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Nobody has asked them: only what is live at the commit that is asked for is looked at.
    NotAsked,
    /// All of them run and answer.
    Well,
    /// Not all of them do: why, in half a sentence.
    Ill(String),
}

/// What a component's plan follows from beside what was observed of it.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The release's ticket.
    pub ticket: Ticket,
    /// The target's domain.
    pub domain: &'a Domain,
    /// Whether the set that would be live is proven.
    pub proven: bool,
    /// Whether what is live is launched again on purpose.
    pub force: bool,
}

/// What becomes of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentPlan {
    /// It goes through a pipeline.
    Release(Planned),
    /// Nothing is to be done.
    AlreadyLive(AlreadyLive),
}

/// What the look says of a component. `plain` is the row of the commit's plain hostname.
pub fn observe(look: &Look, resolved: Resolved, plain: Option<&CandidateRow>) -> Observed {
    let name = hostname(&resolved.component, &resolved.commit, &look.domain);
    let live = look.live_at(&resolved.component).map(|at| LiveAt {
        commit: look.hosts.get(&at).map(|row| row.commit.clone()),
        hostname: at,
        health: Health::NotAsked,
    });
    Observed {
        live,
        plain_name_taken: plain.is_some_and(|row| !row.state.is_gone()) || look.zone.has(&name),
        warm: resolved
            .back
            .as_ref()
            .is_some_and(|back| is_warm(look, back)),
        resolved,
    }
}

/// Whether the instances of what was live before still stand, and nobody has taken them over.
fn is_warm(look: &Look, back: &Previous) -> bool {
    look.hosts.get(&back.hostname).is_some_and(|row| {
        row.state == CandidateState::Live && row.ticket == back.ticket && row.commit == back.commit
    })
}

impl Observed {
    /// Where the very commit is live that is asked for.
    pub fn same_live(&self) -> Option<&LiveAt> {
        let same = |live: &&LiveAt| live.commit.as_ref() == Some(&self.resolved.commit);
        self.live.as_ref().filter(same)
    }

    /// Where instances are to be asked how they are, since the plan follows from it: what is live at the
    /// commit that is asked for, and what a roll-back to a proven set would take over.
    pub fn to_ask(&self, proven: bool) -> impl Iterator<Item = &Fqdn> {
        let before = self.resolved.back.as_ref();
        let before = before.filter(|_| self.warm && proven);
        let live = self.same_live().map(|live| &live.hostname);
        live.into_iter().chain(before.map(|back| &back.hostname))
    }

    /// How they are. What is not well is not taken over: it is launched anew, as if it were gone.
    pub fn found(&mut self, at: &Fqdn, health: &Health) {
        if self.same_live().is_some_and(|live| live.hostname == *at) {
            let live = self.live.as_mut();
            live.into_iter()
                .for_each(|live| live.health = health.clone());
        }
        let before = self.resolved.back.as_ref();
        if before.is_some_and(|back| back.hostname == *at) {
            self.warm &= *health == Health::Well;
        }
    }
}

/// Decides what becomes of one component. What is live at the commit already needs nothing if it is
/// well; else it is launched again beside it, as any release. Instances that are still there are taken
/// over only for a set that is proven: they booted with another release's peer names, so they could
/// not be tested beside this one's candidates.
pub fn plan_component(observed: Observed, terms: &Terms<'_>) -> ComponentPlan {
    let same = observed.same_live().cloned();
    if let Some(live) = &same
        && live.health == Health::Well
        && !terms.force
    {
        return ComponentPlan::AlreadyLive(AlreadyLive {
            alias: alias(&observed.resolved.component, terms.domain),
            component: observed.resolved.component,
            version: observed.resolved.version,
            commit: observed.resolved.commit,
            hostname: live.hostname.clone(),
        });
    }
    let warm = terms.proven && observed.warm && !terms.force;
    let taken = observed.plain_name_taken;
    let Resolved {
        component,
        version,
        commit,
        repository,
        credentials,
        back,
    } = observed.resolved;
    let hostname = match &back {
        Some(back) if warm => back.hostname.clone(),
        _ if taken => hostname_of_release(&component, &commit, terms.ticket, terms.domain),
        _ => hostname(&component, &commit, terms.domain),
    };
    ComponentPlan::Release(Planned {
        component,
        version,
        commit,
        repository,
        hostname: Some(hostname),
        credentials,
        companion: false,
        warm,
        repeats: back
            .map(|back| back.launch_template_version)
            .filter(|version| !version.is_empty()),
        replaces: same.map(|live| live.hostname),
    })
}

/// Whether a hostname's record leads anywhere else than to its recorded instances: how, in half a
/// sentence.
pub fn misled(row: &CandidateRow, zone: &ZoneView) -> Option<String> {
    let record = zone.get(&row.hostname);
    let addresses = record.filter(|record| record.kind == RecordType::A);
    let Some(record) = addresses else {
        return Some(format!("{} has no A record", row.hostname));
    };
    if row.instances.is_empty() {
        return Some("no instance of it is recorded".into());
    }
    let there = |address: &&String| !row.instances.iter().any(|one| one.address == **address);
    let other = record.values.iter().find(there)?;
    Some(format!(
        "the record of {} leads to {other}, which is not one of its instances",
        row.hostname
    ))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
