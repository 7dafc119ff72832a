//! Which stage of which component failed.

use super::cells::{Cell, FailedStage, Line, Row};
use super::model::Model;
use super::reading::{RELEASE, component_of, stage_named, text};
use super::stages::{INTEGRATION_TESTS, UNIT_TESTS_AND_BUILD, UNIT_TESTS_TO_BUILD, column, folder};
use pipeline::errors::ErrorName;
use pipeline::stages::COLUMNS;
use serde_json::Value;

impl Model {
    /// What a `Catch` left: `failed.stage`, of a component or of the whole release.
    pub(super) fn read_failure(&mut self, at: i64, value: &Value, lines: &mut Vec<Line>) {
        let Some(stage) = text(value, "/failed/stage").map(stage_named) else {
            return;
        };
        let error = text(value, "/failed/error").unwrap_or_default();
        let component = component_of(value);
        let mut stages = vec![stage];
        if stage == UNIT_TESTS_AND_BUILD {
            stages = self.blamed(component, error);
        }
        for stage in stages {
            if column(stage).is_some() && !self.is_failed(column(stage), component) {
                self.end_stage(at, stage, component, true);
                let subject = self.shown(component).unwrap_or_else(|| RELEASE.to_owned());
                lines.push(self.line(at, &subject, format!("{stage} failed: {error}")));
            }
        }
        for row in self.rows_of(component) {
            for cell in &mut row.cells[..INTEGRATION_TESTS] {
                if matches!(cell, Cell::Running { .. }) {
                    *cell = Cell::Stopped;
                }
            }
        }
    }

    /// Which branch of a parallel state made it fail: the one that its error's name names, else
    /// whichever has not ended.
    fn blamed(&mut self, component: Option<&str>, error: &str) -> Vec<&'static str> {
        match ErrorName::find(error) {
            Some(ErrorName::UnitTestsFailed) => return vec!["Unit tests"],
            Some(ErrorName::BuildFailed) => return vec!["Build"],
            _ => {}
        }
        let running =
            |index: usize, rows: Vec<&mut Row>| rows.iter().any(|row| !row.cells[index].is_over());
        UNIT_TESTS_TO_BUILD
            .filter(|index| running(*index, self.rows_of(component)))
            .map(|index| COLUMNS[index].state)
            .collect()
    }

    /// Remembers where to look; states that only route have no log.
    pub(super) fn note_failure(&mut self, component: Option<&str>, stage: &str) {
        let failed = FailedStage {
            component: component.map(str::to_owned),
            stage: stage.to_owned(),
        };
        if folder(stage).is_some() && !self.failed.contains(&failed) {
            self.failed.push(failed);
        }
    }

    pub(super) fn is_failed(&mut self, column: Option<usize>, component: Option<&str>) -> bool {
        let Some(column) = column else { return false };
        let rows = self.rows_of(component);
        !rows.is_empty()
            && rows
                .iter()
                .all(|row| matches!(row.cells[column], Cell::Failed { .. }))
    }
}
