//! Integration tests: a component's suites, as one cell of the table.

use super::cells::Cell;
use super::model::Model;
use super::reading::text;
use super::stages::INTEGRATION_TESTS;
use pipeline::stages::COLUMNS;
use serde_json::Value;

impl Model {
    /// Those that Publish hostnames listed.
    pub(super) fn expect_suites(&mut self, input: &Value) {
        let listed = input.get("suites").and_then(Value::as_array);
        for run in listed.into_iter().flatten() {
            if let (Some(component), Some(suite)) = (text(run, "/component"), text(run, "/suite")) {
                self.row(component)
                    .suites
                    .insert(suite.to_owned(), Cell::Pending);
            }
        }
    }

    pub(super) fn begin_suite(&mut self, at: i64, component: &str, suite: &str) {
        let row = self.row(component);
        row.suites
            .insert(suite.to_owned(), Cell::Running { since: at });
        if !matches!(row.cells[INTEGRATION_TESTS], Cell::Running { .. }) {
            row.cells[INTEGRATION_TESTS] = Cell::Running { since: at };
        }
    }

    pub(super) fn end_suite(&mut self, at: i64, component: &str, suite: &str, failed: bool) {
        let row = self.row(component);
        let cell = row.suites.entry(suite.to_owned()).or_default();
        *cell = cell.end(at, failed);
        if row.suites.values().all(|cell| cell.is_over()) {
            let any_failed = row
                .suites
                .values()
                .any(|cell| matches!(cell, Cell::Failed { .. }));
            row.cells[INTEGRATION_TESTS] = row.cells[INTEGRATION_TESTS].end(at, any_failed);
        }
        if failed {
            self.note_failure(Some(component), COLUMNS[INTEGRATION_TESTS].state);
        }
    }

    /// A component without a suite has nothing to wait for.
    pub(super) fn end_tests(&mut self) {
        for row in self
            .rows
            .iter_mut()
            .filter(|row| (row.released || row.companion || row.library) && row.suites.is_empty())
        {
            row.cells[INTEGRATION_TESTS] = Cell::Skipped;
        }
    }
}
