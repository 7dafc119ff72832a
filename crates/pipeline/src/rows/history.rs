//! What the project did by itself: repairs, sweeps, roll-backs, and what a cancelled release left.

use crate::names::{Component, Fqdn, Project, Target, Ticket};
use crate::reason::Reason;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Source and detail type of what is put on the bus; the functions' roles may put nothing else
/// (infra/pipeline/statements.yaml).
pub const SOURCE: &str = "cutover.history";
/// See [`SOURCE`].
pub const DETAIL_TYPE: &str = "Automatic Action";

/// Instances of one act that are listed.
const MOST_INSTANCES: usize = 50;

/// `target#<t>` / `history#<when>#<act>`. It is written before the act (`begun`) and once more after it, so a crash in
/// between leaves a row that says that it began.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HistoryRow {
    /// What tells this act from all others of the target. The same act that is tried again, or told late, has the
    /// same: so it is the same row.
    pub act: String,
    /// When it began, RFC 3339: the same at each try.
    pub at: String,
    /// Who.
    pub by: Actor,
    /// How far it came.
    pub state: ActState,
    /// Sentences: what is true for users, and what was done.
    pub what: String,
    /// Why: clauses.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Whose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// `stage-r42`: what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// What was replaced, launched or ended, as far as it is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<String>,
    /// What only one may tell of a release, however many do it at the same time.
    #[serde(skip)]
    pub once: Option<Once>,
}

/// Something that is done once for a release: two sweeps at once are one act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Once {
    /// What: `undo`.
    pub what: &'static str,
    /// Of which.
    pub ticket: Ticket,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Actor {
    /// What is gone or ill is replaced.
    #[serde(rename = "keeper")]
    Keeper,
    /// What ended executions have left is taken away.
    #[serde(rename = "sweeper")]
    Sweeper,
    /// A release that fails its users is taken back by itself.
    #[serde(rename = "roll-back by itself")]
    RollBack,
    /// Somebody has cancelled a release; the sweeper takes away what it has left.
    #[serde(rename = "cancel")]
    Cancel,
}

impl Actor {
    /// As the table and the command line say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keeper => "keeper",
            Self::Sweeper => "sweeper",
            Self::RollBack => "roll-back by itself",
            Self::Cancel => "cancel",
        }
    }
}

/// How far an act came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActState {
    /// It began. If it stays so, who did it was ended, or somebody else was first.
    Begun,
    /// It was done.
    Done,
    /// There was nothing left to do.
    Moot,
    /// It could not be done.
    Failed,
}

impl HistoryRow {
    /// An act begins.
    pub fn begun(act: String, at: &str, by: Actor) -> Self {
        Self {
            act,
            at: at.to_owned(),
            by,
            state: ActState::Begun,
            what: String::new(),
            why: String::new(),
            components: Vec::new(),
            release: None,
            instances: Vec::new(),
            once: None,
        }
    }

    /// With these sentences.
    pub fn saying(self, what: &str, why: &str) -> Self {
        let short = |text: &str| Reason::new(text).to_string();
        Self {
            what: short(what),
            why: short(why),
            ..self
        }
    }

    /// Of these instances, as many as are listed.
    pub fn of_instances(mut self, ids: impl IntoIterator<Item = String>) -> Self {
        for id in ids {
            if !self.instances.contains(&id) && self.instances.len() < MOST_INSTANCES {
                self.instances.push(id);
            }
        }
        self
    }

    /// It came to its end.
    pub fn ended(self, state: ActState) -> Self {
        Self { state, ..self }
    }

    /// The detail of its event. `act` and `state` together tell it from all others: who gets it twice can leave the
    /// second one out.
    pub fn event(&self, project: &Project, target: &Target) -> Value {
        let Self {
            act,
            at,
            by,
            state,
            what,
            why,
            components,
            release,
            instances,
            once: _,
        } = self;
        json!({
            "project": project, "target": target, "act": act, "at": at, "by": by, "state": state, "what": what, "why": why,
            "components": components, "release": release, "instances": instances,
        })
    }

    /// The sort key. Seconds, so that all times have the same form and sort as they came.
    pub fn sort_key(&self) -> String {
        let second: String = self.at.chars().take(19).collect();
        format!("history#{second}#{}", self.act)
    }
}

/// The first and last of a sort key: when an act began, and what it is called.
pub fn told_as(sort_key: &str) -> Option<(String, String)> {
    let mut parts = sort_key.strip_prefix("history#")?.splitn(2, '#');
    let (second, act) = (parts.next()?, parts.next()?);
    Some((format!("{second}Z"), act.to_owned()))
}

/// The first label of a hostname: what an act of it is called.
pub(crate) fn label(at: &Fqdn) -> &str {
    at.as_str().split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: &str, act: &str) -> String {
        HistoryRow::begun(act.into(), at, Actor::Keeper).sort_key()
    }

    #[test]
    fn acts_sort_as_they_came_however_precise_the_clock_was() {
        let mut keys = [
            row("2026-03-01T12:00:01Z", "b"),
            row("2026-03-01T12:00:00.192Z", "a"),
            row("2026-03-01T12:00:02.001Z", "c"),
        ];
        keys.sort();
        let acts: Vec<&str> = keys
            .iter()
            .filter_map(|key| key.rsplit('#').next())
            .collect();
        assert_eq!(acts, ["a", "b", "c"]);
    }

    #[test]
    fn an_act_is_the_same_row_when_it_begins_and_when_it_ends() {
        let row = HistoryRow::begun("keep-1-api".into(), "2026-03-01T12:00:00Z", Actor::Keeper);
        let after = row.clone().saying("done", "").ended(ActState::Done);
        assert_eq!(row.sort_key(), after.sort_key());
        let named = ("2026-03-01T12:00:00Z".into(), "keep-1-api".into());
        assert_eq!(told_as(&row.sort_key()), Some(named));
    }

    #[test]
    fn an_event_says_all_that_its_row_says() {
        let row = HistoryRow::begun(
            "keep-00000017-api-aaaaaaaaaaaa".into(),
            "2026-07-29T18:57:00Z",
            Actor::Keeper,
        )
        .saying(
            "api.stage.myproj.com: 1 of 1 instances serve.",
            "i-1 is terminated",
        )
        .of_instances(["i-1".into(), "i-2".into()])
        .ended(ActState::Done);
        let row = HistoryRow {
            components: vec![Component::new("api").unwrap()],
            release: Some("stage-r7".into()),
            ..row
        };
        let (project, target) = (
            Project::new("myproj").unwrap(),
            Target::new("stage").unwrap(),
        );
        let event = row.event(&project, &target);
        expect_test::expect![[r#"
            {
              "act": "keep-00000017-api-aaaaaaaaaaaa",
              "at": "2026-07-29T18:57:00Z",
              "by": "keeper",
              "components": [
                "api"
              ],
              "instances": [
                "i-1",
                "i-2"
              ],
              "project": "myproj",
              "release": "stage-r7",
              "state": "done",
              "target": "stage",
              "what": "api.stage.myproj.com: 1 of 1 instances serve.",
              "why": "i-1 is terminated"
            }"#]]
        .assert_eq(&format!("{event:#}"));
        let told = serde_json::to_value(&row).unwrap();
        for (key, value) in told.as_object().unwrap() {
            assert_eq!(event[key], *value, "{key}");
        }
    }

    #[test]
    fn a_row_has_a_bound_whatever_it_is_told() {
        let long = "x".repeat(100_000);
        let ids = (0..10_000).map(|n| format!("i-{n}"));
        let row = HistoryRow::begun("act".into(), "", Actor::Sweeper).saying(&long, &long);
        let text = serde_json::to_string(&row.of_instances(ids)).unwrap();
        assert!(text.len() < 5_000, "{}", text.len());
    }
}
