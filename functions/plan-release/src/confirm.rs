//! What is live already is confirmed before it is called so.

use crate::Planner;
use pipeline::drivers::{Confirm, Confirmed};
use pipeline::errors::Fault;
use pipeline::look::Look;
use pipeline::wire::PlanReply;

impl Planner {
    /// From the look that the plan follows from. What an earlier release has under way is then not put in its place.
    pub(crate) async fn confirm(&self, look: &Look, reply: &PlanReply) -> Result<Confirmed, Fault> {
        let live = reply.already_live.iter();
        let live = live.filter_map(|one| look.hosts.get(&one.hostname));
        match Confirm::of(&reply.release, look.zone.clone(), live) {
            Some(confirm) => self.drive.run(confirm).await,
            None => Ok(Confirmed::Stays),
        }
    }
}
