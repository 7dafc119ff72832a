//! Which beginning of a state an end belongs to.

use super::history::Event;
use super::reading::{component_of, text_of_item};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// A state that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Its name.
    pub state: String,
    /// When, milliseconds since 1970.
    pub since: i64,
    /// Whose, where it is one component's.
    pub component: Option<String>,
    /// Which suite it runs.
    pub suite: Option<String>,
    /// Whether a try of it failed.
    pub attempt_failed: bool,
}

/// The states under way.
#[derive(Debug, Clone, Default)]
pub struct Pairing {
    open: BTreeMap<i64, Open>,
    previous: HashMap<i64, i64>,
}

impl Pairing {
    /// Remembers what led to an event.
    pub fn link(&mut self, event: &Event) {
        self.previous.insert(event.id, event.previous);
    }

    /// A state begins.
    pub fn begin(&mut self, id: i64, open: Open) {
        self.open.insert(id, open);
    }

    /// A state ends. It is found by the chain of events where there is one, else by the names in
    /// its output, else it is the oldest of that name.
    pub fn end(&mut self, event: &Event, state: &str, output: &Value) -> Option<Open> {
        let by_chain = self.origin(event.id, |open| open.state == state);
        let (component, suite) = (component_of(output), text_of_item(output, "suite"));
        let named = |open: &Open| {
            open.state == state
                && component.is_none_or(|name| open.component.as_deref() == Some(name))
                && suite.is_none_or(|name| open.suite.as_deref() == Some(name))
        };
        let first = |wanted: &dyn Fn(&Open) -> bool| {
            self.open
                .iter()
                .find(|(_, open)| wanted(open))
                .map(|(id, _)| *id)
        };
        let id = by_chain
            .or_else(|| first(&named))
            .or_else(|| first(&|open| open.state == state))?;
        self.open.remove(&id)
    }

    /// A try failed: of which state, where the chain of events tells.
    pub fn attempt_failed(&mut self, event: &Event) -> Option<Open> {
        let id = self.origin(event.id, |_| true)?;
        let open = self.open.get_mut(&id)?;
        open.attempt_failed = true;
        Some(open.clone())
    }

    /// A try worked after all.
    pub fn attempt_succeeded(&mut self, event: &Event) {
        if let Some(open) = self
            .origin(event.id, |_| true)
            .and_then(|id| self.open.get_mut(&id))
        {
            open.attempt_failed = false;
        }
    }

    /// All of them, the oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Open> {
        self.open.values()
    }

    /// The execution has ended.
    pub fn clear(&mut self) {
        self.open.clear();
    }

    fn origin(&self, mut id: i64, wanted: impl Fn(&Open) -> bool) -> Option<i64> {
        // Ids only go down along the chain, so it ends.
        while let Some(previous) = self
            .previous
            .get(&id)
            .copied()
            .filter(|previous| (1..id).contains(previous))
        {
            if self.open.get(&previous).is_some_and(&wanted) {
                return Some(previous);
            }
            id = previous;
        }
        None
    }
}
