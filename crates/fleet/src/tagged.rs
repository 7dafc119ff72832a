//! What an instance's tags say of it.

use pipeline::names::Component;
use pipeline::wire::Release;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// By its tags everybody finds an instance who has no row of it: whoever ends it, looks after it, or removes its target.
/// So nothing is launched without all of them.
#[derive(Debug, Clone, Copy)]
pub struct Tagged<'a> {
    /// Where it is launched, and from whose launch template.
    pub release: &'a Release,
    /// The label of the release whose instance it is: of a replacement, the one that it stands in for.
    pub label: &'a str,
    /// The hostname that leads to it.
    pub hostname: &'a str,
    /// Whose.
    pub component: &'a Component,
    /// What it runs.
    pub commit: &'a str,
    /// Where it listens.
    pub port: u16,
    /// The version of the launch template.
    pub version: &'a str,
    /// In whose place the keeper launches it.
    pub replaces: Option<&'a str>,
}

impl Tagged<'_> {
    /// For a message: `api at 3f2a9c1b04de`.
    pub fn what(&self) -> String {
        let short = self.commit.get(..12).unwrap_or(self.commit);
        format!("{} at {short}", self.component)
    }

    /// All tags.
    pub fn tags(&self) -> BTreeMap<String, String> {
        let template = format!("{}:{}", self.release.launch_template_id, self.version);
        let always = [
            ("Name", self.hostname.to_owned()),
            ("cutover:project", self.release.project.to_string()),
            ("cutover:target", self.release.target.to_string()),
            ("cutover:component", self.component.to_string()),
            ("cutover:commit", self.commit.to_owned()),
            ("cutover:release", self.label.to_owned()),
            ("cutover:port", self.port.to_string()),
            ("cutover:launch-template", template),
        ];
        let replaces = self.replaces.map(|id| ("cutover:replaces", id.to_owned()));
        let all = always.into_iter().chain(replaces);
        all.map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

/// 64 characters, the most a client token may have, and the same for the same act.
pub fn token(of: &str) -> String {
    hex::encode(Sha256::digest(of))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use pipeline::names::{Project, Target};
    use serde_json::json;

    /// A release to `stage`, which launches from `lt-1`.
    pub(crate) fn release() -> Release {
        let environment = json!({
            "domain": "stage.myproj.com", "zone_id": "Z", "launch_template_id": "lt-1", "launch_template_version": "1",
            "subnet_ids": [], "alias_ttl": 60, "hostname_ttl": 60,
        });
        let environment = serde_json::from_value(environment).unwrap();
        let project = Project::new("myproj").unwrap();
        Release::on(project, Target::new("stage").unwrap(), "x", environment)
    }

    /// Version 7 of its template, for `api`.
    pub(crate) fn tagged<'a>(release: &'a Release, component: &'a Component) -> Tagged<'a> {
        Tagged {
            release,
            label: "stage-r42",
            hostname: "api-aaaaaaaaaaaa.stage.myproj.com",
            component,
            commit: "aaaaaaaaaaaa",
            port: 8080,
            version: "7",
            replaces: None,
        }
    }

    #[test]
    fn an_instance_says_whose_and_where_and_of_which_release_it_is() {
        let (release, api) = (release(), Component::new("api").unwrap());
        let tags = tagged(&release, &api).tags();
        for (key, value) in [
            ("Name", "api-aaaaaaaaaaaa.stage.myproj.com"),
            ("cutover:project", "myproj"),
            ("cutover:target", "stage"),
            ("cutover:component", "api"),
            ("cutover:commit", "aaaaaaaaaaaa"),
            ("cutover:release", "stage-r42"),
            ("cutover:port", "8080"),
            ("cutover:launch-template", "lt-1:7"),
        ] {
            assert_eq!(tags.get(key).map(String::as_str), Some(value), "{key}");
        }
        assert_eq!(tags.len(), 8);
        let replaces = Some("i-1");
        let new = Tagged {
            replaces,
            ..tagged(&release, &api)
        };
        assert_eq!(new.tags()["cutover:replaces"], "i-1");
    }

    #[test]
    fn a_token_is_as_long_as_it_may_be_whatever_it_is_of() {
        assert_eq!((token("").len(), token(&"x".repeat(500)).len()), (64, 64));
        assert_ne!(token("a"), token("b"));
    }
}
