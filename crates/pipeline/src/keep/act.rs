//! What the keeper does at one hostname, as the history tells it.

use super::host::{self, HostPlan};
use super::{Fit, KeepLook, Machine};
use crate::names::{alias, release_label};
use crate::rows::{ActState, Actor, CandidateRow, HistoryRow, label};

/// What is to be told of a hostname, or of replacements that nobody needs any more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Act(HistoryRow);

impl Act {
    /// What is done at a hostname: these sentences, which begin with it.
    pub(super) fn at(
        look: &KeepLook,
        row: &CandidateRow,
        host: &HostPlan,
        says: &[String],
    ) -> Self {
        let at = format!("{}: ", row.hostname);
        let says = says
            .iter()
            .map(|one| one.strip_prefix(&at).unwrap_or(one).to_owned());
        let what = format!(
            "{}: {} of {} instances serve. {}: {}",
            alias(&row.component, &look.domain),
            host.serving,
            host::wanted(row),
            row.hostname,
            says.collect::<Vec<_>>().join("; ")
        );
        let lost = host.fits.iter().filter(|(_, fit)| fit.is_lost());
        let lost = lost.map(|(id, _)| id.clone());
        let new = host.instances.iter().flatten().map(|one| one.id.clone());
        let ids: Vec<String> = lost.chain(host.ends.iter().cloned()).chain(new).collect();
        Self::of(look, row, &what, &why(host), ids)
    }

    /// Nothing more is launched for a hostname.
    pub(super) fn stopped(
        look: &KeepLook,
        row: &CandidateRow,
        host: &HostPlan,
        says: &str,
    ) -> Self {
        let Self(row) = Self::of(look, row, says, &why(host), Vec::new());
        let act = format!("{}-stopped", row.act);
        Self(HistoryRow { act, ..row })
    }

    /// These came too late.
    pub(super) fn strays(look: &KeepLook, ids: &[String], says: &str) -> Self {
        let is_it = |one: &&Machine| ids.contains(&one.id);
        let release = look.machines.iter().find(is_it);
        let row = HistoryRow::begun("strays".into(), "", Actor::Keeper)
            .saying(
                &format!("Users are not affected. {says}"),
                "the alias has moved on",
            )
            .of_instances(ids.iter().cloned());
        Self(HistoryRow {
            release: release.map(|one| one.release.clone()),
            ..row
        })
    }

    fn of(look: &KeepLook, row: &CandidateRow, what: &str, why: &str, ids: Vec<String>) -> Self {
        let act = label(&row.hostname).to_owned();
        let told = HistoryRow::begun(act, "", Actor::Keeper).saying(what, why);
        Self(HistoryRow {
            components: vec![row.component.clone()],
            release: Some(release_label(&look.target, row.ticket)),
            ..told.of_instances(ids)
        })
    }

    /// In this turn, which no other keeper has.
    pub(crate) fn told(&self, turn: u64, now: &str) -> HistoryRow {
        let Self(row) = self;
        HistoryRow {
            act: format!("keep-{turn:08}-{}", row.act),
            at: now.to_owned(),
            ..row.clone()
        }
    }

    /// The same row, with what became of it.
    pub(crate) fn ended(row: &HistoryRow, failed: &[String]) -> HistoryRow {
        let at = row.act.splitn(3, '-').nth(2);
        // What names no hostname is about all of the target.
        let of_all = |why: &str| !why.split(": ").next().unwrap_or_default().contains('.');
        let of_it = |why: &&String| of_all(why) || why.split('.').next() == at;
        match failed.iter().find(of_it) {
            None if row.act.ends_with("-stopped") => row.clone().ended(ActState::Failed),
            None => row.clone().ended(ActState::Done),
            Some(why) => {
                let row = row.clone().ended(ActState::Failed);
                let (what, since) = (row.what.clone(), row.why.clone());
                row.saying(&format!("{what}. Not all of it: {why}"), &since)
            }
        }
    }
}

fn why(host: &HostPlan) -> String {
    let why = host.fits.iter().filter_map(|(id, fit)| {
        let why = Fit::why(fit)?;
        Some(format!("{id} {why}"))
    });
    why.collect::<Vec<_>>().join("; ")
}
