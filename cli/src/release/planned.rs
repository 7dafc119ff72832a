//! What a release is to bring, and what is tested beside it: read from its input and its plans.

use super::cells::Cell;
use super::model::Model;
use super::reading::text;
use super::stages::{INTEGRATION_TESTS, OF_THE_BUILD};
use serde_json::Value;

/// What Plan release answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Components and their commits, in short.
    pub brings: Vec<(String, String)>,
    /// Whether that was live before.
    pub rollback: bool,
    /// Whether it passed its suites on this target before, and so is not tested again.
    pub proven: bool,
}

impl Plan {
    /// `brings back api 3f2a9c1b04de, ui 1b2c00000000`; nothing of a release that goes forward.
    pub fn brings_back(&self) -> Option<String> {
        let names = self
            .brings
            .iter()
            .map(|(component, commit)| format!("{component} {commit}"));
        let names = names.collect::<Vec<_>>().join(", ");
        let tested = if self.proven {
            " (proven: not tested again)"
        } else {
            ""
        };
        (self.rollback && !names.is_empty()).then(|| format!("brings back {names}{tested}"))
    }
}

impl Model {
    pub(super) fn begin(&mut self, at: i64, input: &Value) {
        self.started = Some(at);
        self.target = Some(text(input, "/target").unwrap_or("stage").to_owned());
        let several = input.get("versions").and_then(Value::as_object);
        let names = several
            .into_iter()
            .flat_map(|map| map.keys().map(String::as_str));
        for component in text(input, "/component").into_iter().chain(names) {
            self.row(component).released = true;
        }
    }

    pub(super) fn read_label(&mut self, value: &Value) {
        let release = value
            .get("release")
            .or_else(|| value.pointer("/plan/release"));
        let Some(release) = release.filter(|_| self.label.is_none()) else {
            return;
        };
        let ticket = release.get("ticket").and_then(Value::as_u64);
        if let (Some(target), Some(ticket)) = (text(release, "/target"), ticket) {
            self.label = Some(format!("{target}-r{ticket}"));
        }
    }

    /// The components that are released. What was asked for and is live already is none of them;
    /// it may become a companion.
    pub(super) fn read_plan(&mut self, output: &Value) {
        self.read_label(output);
        let plan = output.get("plan").unwrap_or(output);
        let Some(planned) = plan.get("components").and_then(Value::as_array) else {
            return;
        };
        let is = |what: &str| plan.pointer(what).and_then(Value::as_bool).unwrap_or(false);
        self.plan = Plan {
            brings: planned.iter().filter_map(brought).collect(),
            rollback: is("/release/rollback"),
            proven: is("/release/proven"),
        };
        self.rows.clear();
        for (component, _) in self.plan.brings.clone() {
            self.row(&component).released = true;
        }
        let libraries = plan.get("libraries").and_then(Value::as_array);
        let libraries = libraries.into_iter().flatten();
        for library in libraries.filter_map(|one| text(one, "/component")) {
            self.expect_library(library);
        }
    }

    /// It is built and tested, and nothing of it is launched.
    fn expect_library(&mut self, name: &str) {
        let row = self.row(name);
        row.library = true;
        row.cells[OF_THE_BUILD.end..].fill(Cell::Skipped);
        row.cells[INTEGRATION_TESTS] = Cell::Pending;
    }

    /// A round begins: who is tested beside the release is found anew, and all suites run again.
    pub(super) fn begin_round(&mut self) {
        self.round += 1;
        for row in &mut self.rows {
            row.suites.clear();
            row.cells[INTEGRATION_TESTS] = Cell::Pending;
        }
    }

    /// Companions have been built before, and are booted anew in each round.
    pub(super) fn read_companions(&mut self, output: &Value) {
        let Some(companions) = output.get("companions").and_then(Value::as_array) else {
            return;
        };
        self.rows.retain(|row| !row.companion);
        for component in companions.iter().filter_map(|one| text(one, "/component")) {
            let row = self.row(component);
            row.companion = true;
            row.cells[..OF_THE_BUILD.end].fill(Cell::Skipped);
        }
    }
}

fn brought(planned: &Value) -> Option<(String, String)> {
    let commit = text(planned, "/commit").unwrap_or_default();
    let short = commit.chars().take(12).collect();
    Some((text(planned, "/component")?.to_owned(), short))
}
