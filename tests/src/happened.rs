//! What `cutover history` says of a component.

use crate::Component;
use serde_json::Value;

impl Component {
    /// What happened with it, the newest first.
    pub async fn happened(&self) -> Vec<Value> {
        let words = ["history", "--json", "--limit", "100"];
        let only = ["--target", self.target, "--component", &self.name];
        let said = self.cloud.cutover(&[&words[..], &only[..]].concat()).await;
        serde_json::from_str(&said.good("history")).expect("JSON")
    }

    /// What this one did by itself and what came of it, the newest first; each act once.
    pub async fn acts_of(&self, by: &str) -> Vec<Value> {
        let mut all = self.happened().await;
        all.retain(|one| one["by"] == by);
        for (n, one) in all.iter().enumerate() {
            let again = all[n + 1..].iter().any(|other| other == one);
            assert!(!again, "told twice: {one:#}");
        }
        all
    }
}
