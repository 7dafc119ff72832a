//! What the tag of a release says.

use pipeline::names::release_tag;
use pipeline::rows::ComponentRow;
use pipeline::wire::{TagRequest, Tagged};
use workspace::git::{Tag, Tagger};

/// The tag of one component: the same message in every repository, each at its own commit.
pub fn of(request: &TagRequest, tagged: &Tagged, started: i64) -> Tag {
    let release = &request.release;
    Tag {
        name: release_tag(&release.target, release.ticket),
        commit: tagged.commit.to_string(),
        message: message(request),
        tagger: Tagger {
            name: "cutover".into(),
            email: format!("cutover@{}", release.domain),
            seconds: started,
        },
    }
}

/// The set that went live together, in an order that depends on nothing else.
fn message(request: &TagRequest) -> String {
    let release = &request.release;
    let mut set: Vec<String> = request
        .components
        .iter()
        .map(|tagged| format!("{} {}", tagged.component, tagged.commit))
        .collect();
    set.sort();
    format!(
        "Release {} to {}\n\n{}",
        release.label(),
        release.target,
        set.join("\n")
    )
}

/// Why a tag that somebody else made stays.
pub fn taken(name: &str, row: &ComponentRow, at: &str) -> String {
    format!(
        "{} has another tag {name} already, at {}; it was left as it is",
        row.repository,
        at.get(..12).unwrap_or(at)
    )
}
