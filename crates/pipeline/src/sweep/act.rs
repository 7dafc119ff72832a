//! What a sweep does, as the history tells it.

use super::{Ending, Job, Look, Run};
use crate::names::{Component, Target, Ticket, release_label};
use crate::rows::{ActState, Actor, HistoryRow, Once};

impl Job {
    /// Of this look of an execution; nothing where it only waits for a drain.
    pub fn act(&self, look: &Look, target: &Target, run: &Run) -> Option<HistoryRow> {
        let (what, ticket) = match self {
            Self::Drain { .. } => return None,
            Self::Undo { ticket, .. } => ("undo", Some(*ticket)),
            Self::Companions { ticket, .. } => ("companions", Some(*ticket)),
            Self::Retire { ticket, .. } => ("previous", Some(*ticket)),
            Self::Records(_) => ("records", None),
            Self::Instances(_) => ("instances", None),
        };
        let label = ticket.map(|ticket| release_label(target, ticket));
        let act = match &label {
            Some(label) => format!("sweep-{}-{what}-{label}", run.execution),
            None => format!("sweep-{}-{what}", run.execution),
        };
        let ending = ticket.and_then(|ticket| look.ended(ticket));
        let (by, why) = match ending {
            Some(Ending::Cancelled(_)) => (Actor::Cancel, ending),
            _ => (Actor::Sweeper, ending),
        };
        let why = why.map(Ending::clause).unwrap_or_default();
        let row = HistoryRow::begun(act, &run.entered, by).saying(&self.sentence(target), &why);
        Some(HistoryRow {
            components: ticket
                .map(|ticket| components(look, ticket))
                .unwrap_or_default(),
            release: label,
            once: ticket.map(|ticket| Once { what, ticket }),
            ..row
        })
    }
}

/// The row of an act, with what came of it; `ended` are the instances that it has.
pub(crate) fn ended(
    row: HistoryRow,
    state: ActState,
    what: &str,
    ended: Vec<String>,
) -> HistoryRow {
    let what = match state {
        ActState::Begun => row.what.clone(),
        ActState::Moot if what.is_empty() => "There was nothing left to do.".into(),
        ActState::Moot => what.to_owned(),
        ActState::Done if says_effect(&row) => what.to_owned(),
        ActState::Done => format!("Users are not affected: no alias moved. {what}"),
        ActState::Failed => format!("No alias moved. It could not be done: {what}"),
    };
    let why = row.why.clone();
    let about = row.release.as_ref().map(|label| format!("{label}: "));
    let what = about
        .and_then(|about| what.strip_prefix(&about).map(str::to_owned))
        .unwrap_or(what);
    row.saying(&what, &why).ended(state).of_instances(ended)
}

/// Whether it says itself what users have: the sentences of Discard candidates and of Record cutover do.
fn says_effect(row: &HistoryRow) -> bool {
    let label = row.release.as_deref().unwrap_or_default();
    row.act.ends_with(&format!("-undo-{label}"))
}

fn components(look: &Look, ticket: Ticket) -> Vec<Component> {
    let plan = look.releases.get(&ticket).map(|one| &one.row.plan);
    let planned = plan.into_iter().flat_map(|plan| &plan.components);
    planned.map(|one| one.component.clone()).collect()
}
