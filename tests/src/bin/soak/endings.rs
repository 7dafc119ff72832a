//! Whether a serial order by ticket explains how a release ended.

use crate::harming::Harmed;
use crate::ledger::{Ledger, Release};
use crate::order::{Cutover, Order};
use crate::script::{Act, Flaw};
use crate::world::{Run, World};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is known when all have ended.
#[derive(Debug)]
pub struct Scene<'a> {
    pub world: &'a World,
    pub ledger: &'a Ledger,
    pub order: &'a Order,
    /// Cutovers before the interleaving.
    pub begun: usize,
    pub runs: &'a [Run],
    pub harmed: &'a Harmed,
}

impl Scene<'_> {
    /// How a release ended, in a word or two; or what nobody can explain.
    pub fn explain(&self, run: &Run) -> Result<String, String> {
        let ended = &run.ended;
        let (is_explained, label) = match (ended.status.as_str(), &ended.output) {
            ("SUCCEEDED", Some(output)) => self.succeeded(run, output),
            ("FAILED", _) => (self.failed(run), ended.error.clone()),
            (other, _) => (false, other.to_lowercase()),
        };
        if is_explained || self.harmed.explains(ended) {
            return Ok(label);
        }
        Err(format!(
            "{} ended as {label}, and no serial order explains that; execution {}: {}",
            run.step, ended.name, ended.cause
        ))
    }

    fn succeeded(&self, run: &Run, output: &Value) -> (bool, String) {
        let label = output["outcome"].as_str().unwrap_or_default().to_owned();
        let recorded = self.ledger.of(&run.ended.name);
        let as_recorded =
            recorded.is_some_and(|one| one.outcome.replace(' ', "_") == label.as_str());
        let is_explained = match label.as_str() {
            "live" => run.step.flaw.is_none(),
            "already_live" => self.was_live(output),
            _ => false,
        };
        (as_recorded && is_explained, label)
    }

    /// Whether what it found live was live while it ran.
    fn was_live(&self, output: &Value) -> bool {
        let all = output["already_live"].as_array();
        let is_in = |one: &Value, set: &Cutover| {
            one["component"]
                .as_str()
                .is_some_and(|name| set.set.get(name).is_some_and(|sha| one["commit"] == **sha))
        };
        all.is_some_and(|all| {
            let seen = |one: &Value| self.meanwhile().iter().any(|set| is_in(one, set));
            all.iter().all(seen)
        })
    }

    /// What was live before the interleaving and each cutover of it.
    fn meanwhile(&self) -> &[Cutover] {
        &self.order.cutovers[self.begun - 1..]
    }

    fn failed(&self, run: &Run) -> bool {
        let (cause, own) = (&run.ended.cause, self.ledger.of(&run.ended.name));
        match run.ended.error.as_str() {
            "BuildFailed" => run.step.flaw == Some(Flaw::Build),
            "UnitTestsFailed" => run.step.flaw == Some(Flaw::UnitTests),
            "IntegrationTestsFailed" => {
                run.step.flaw == Some(Flaw::BreaksUi) && cause.contains("suite picky")
            }
            "Superseded" => match own {
                Some(own) => self.is_superseded(own),
                None => self.is_pushed_over(run),
            },
            "PeersKeptMoving" => own.is_some_and(|own| self.moved_enough(own)),
            "UnknownVersion" | "NothingToRollBack" => {
                run.step.act.is_rollback() && self.nothing_before(run)
            }
            _ => false,
        }
    }

    /// A later one is live with a component of it.
    fn is_superseded(&self, own: &Release) -> bool {
        let shares = |other: &Release| {
            other
                .brings
                .keys()
                .any(|name| own.brings.contains_key(name))
        };
        self.ledger
            .live()
            .any(|other| other.ticket > own.ticket && shares(other))
    }

    /// A later push of the component moved the branch on.
    fn is_pushed_over(&self, run: &Run) -> bool {
        let own = self.runs.iter().position(|other| std::ptr::eq(other, run));
        let mut newer = self.runs[own.map_or(0, |own| own + 1)..]
            .iter()
            .filter(|other| {
                run.brought
                    .keys()
                    .any(|name| other.brought.contains_key(name))
            })
            .flat_map(|other| other.brought.values());
        newer.any(|sha| run.ended.cause.contains(&sha[..12]))
    }

    /// It was tested three times (a roll-back is not tested), each time something went live.
    fn moved_enough(&self, own: &Release) -> bool {
        let moves = self.order.cutovers.len() - self.begun;
        moves >= if own.proven { 1 } else { 3 }
    }

    /// Nothing was live before; or a release moved the alias and had not yet recorded it.
    fn nothing_before(&self, run: &Run) -> bool {
        let (cause, moves) = (&run.ended.cause, self.begun < self.order.cutovers.len());
        if cause.contains("does not point to what the table records") {
            return moves;
        }
        (self.begun - 1..self.order.cutovers.len()).any(|n| match &run.step.act {
            Act::Previous(who) => self.is_first(n, &self.world.component(*who).name),
            _ => self.brings(n).keys().all(|name| self.is_first(n, name)),
        })
    }

    /// Whether by the n-th cutover a component had been live once.
    fn is_first(&self, n: usize, component: &str) -> bool {
        let of_it = (0..=n).filter(|n| self.brings(*n).contains_key(component));
        of_it.count() == 1
    }

    fn brings(&self, n: usize) -> &BTreeMap<String, (String, String)> {
        &self.ledger.releases[&self.order.cutovers[n].ticket].brings
    }
}
