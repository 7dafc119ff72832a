//! Deletes launch template versions that nobody can ask for any more.
//!
//! A template has 10,000 versions at most
//! (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/create-launch-template.html>), and each
//! candidate makes one. It is done by Terminate previous because that is the moment when one of them stops being
//! needed, and because it happens as often as versions are made; a target may not be provisioned for
//! years. The sweeper does it for those that no release comes after.

use crate::Drive;
use pipeline::drivers::Rows;
use pipeline::errors::Fault;
use pipeline::launch_template::expendable;
use pipeline::rows::{AliasRow, Key};
use pipeline::wire::{OldVersions, Release};
use std::collections::BTreeSet;

/// Pages of 200 versions that are looked at; where there are more, the next releases go on.
const PAGES: usize = 5;

/// Characters of a failure that travel on.
const LONGEST: usize = 500;

/// The release is live whatever becomes of it, so a failure is told and is none of the stage. The rows
/// may be of a moment ago: whatever was reserved since is launched from a version too young to go.
pub async fn clean_up(drive: &Drive, release: &Release, rows: &Rows) -> OldVersions {
    match delete(drive, release, rows).await {
        Ok(deleted) => OldVersions {
            deleted,
            ..OldVersions::default()
        },
        Err(fault) => {
            tracing::warn!(%fault, "old launch template versions stay");
            OldVersions {
                deleted: 0,
                failure: Some(fault.to_string().chars().take(LONGEST).collect()),
            }
        }
    }
}

async fn delete(drive: &Drive, release: &Release, rows: &Rows) -> Result<u64, Fault> {
    let template = &release.launch_template_id;
    let versions = drive.fleet.template_versions(template, PAGES).await?;
    let now = aws::seconds(&aws::now()).unwrap_or_default();
    let target = Key::target(&release.target);
    let live: Vec<AliasRow> = drive.registry.query(&target, "alias#").await?;
    let old = expendable(&versions, &needed(&live, rows), now);
    if old.is_empty() {
        return Ok(0);
    }
    let deleted = drive.fleet.delete_template_versions(template, &old).await?;
    tracing::info!(deleted, "old launch template versions");
    Ok(deleted as u64)
}

fn needed(live: &[AliasRow], rows: &Rows) -> BTreeSet<String> {
    let standing = rows.values().filter(|row| !row.state.is_gone());
    let standing = standing.map(|row| &row.launch_template_version);
    let before = live.iter().filter_map(|row| row.previous.as_ref());
    let before = before.map(|previous| &previous.launch_template_version);
    let live = live.iter().map(|row| &row.launch_template_version);
    standing.chain(before).chain(live).cloned().collect()
}
