//! Runs the drivers of `pipeline` on AWS: carries out what they ask for, and tells them what came of it.
//!
//! Nothing is decided here. A call that fails ends the run, unless its driver can do without; the state
//! machine tries the stage again.
#![warn(missing_docs)]

mod announce;
mod marks;
mod targets;
pub mod versions;
mod waits;
mod whole;

pub use announce::Announcer;
pub use targets::Listed;

use dns::{ChangeError, Dns};
use fleet::{Fleet, Seen};
use futures::{StreamExt, TryStreamExt, stream};
use health::Examiner;
use pipeline::drivers::{Answer, Ask, ChangeOutcome, Driver, Next, PlanFound, Reservation};
use pipeline::errors::{ErrorName, Fault};
use pipeline::evidence::Subject;
use pipeline::health::Tolerates;
use pipeline::names::{Component, Fqdn, Target, Ticket, release_label};
use pipeline::proof::Proof;
use pipeline::records::Batch;
use pipeline::retire::Leaving;
use pipeline::rows::{
    CandidateRow, ComponentRow, Key, ProofRow, ReleaseOutcome, ReleaseRow, SetRow,
};
use pipeline::wire::{Release, Tagged};
use registry::{Registry, Reserved};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use store::Store;
use waits::{Turns, settle, wait};

/// Rows that are written, or objects that are read, at the same time.
const AT_ONCE: usize = 16;

/// A driver asked for what its function may not look at or do.
pub fn not_answered(ask: &Ask) -> Fault {
    let text = format!("a driver asked for more than its function may do: it {ask}");
    Fault::new(ErrorName::Misconfigured, text)
}

/// The clients that drivers need.
#[derive(Debug, Clone)]
pub struct Drive {
    /// Rows.
    pub registry: Registry,
    /// Records.
    pub dns: Dns,
    /// Instances.
    pub fleet: Fleet,
    examiner: Examiner,
    store: Store,
}

impl Drive {
    /// Clients on this configuration.
    pub fn new(config: &aws_config::SdkConfig, table: &str, bucket: &str) -> Result<Self, Fault> {
        Ok(Self {
            registry: Registry::new(config, table),
            dns: Dns::new(config),
            fleet: Fleet::new(config),
            examiner: Examiner::new(config, bucket)?,
            store: Store::new(config, bucket),
        })
    }

    /// Runs a driver to its reply.
    pub async fn run<D: Driver>(&self, driver: D) -> Result<D::Reply, Fault> {
        self.run_with(driver, async |ask| Err(not_answered(&ask)))
            .await
    }

    /// The same of a driver that asks for executions or as the keeper: only its function may do that.
    pub async fn run_with<D: Driver>(
        &self,
        mut driver: D,
        others: impl AsyncFn(Ask) -> Result<Answer, Fault>,
    ) -> Result<D::Reply, Fault> {
        let mut turns = Turns::new();
        let mut answer = Ok(Answer::Begin);
        loop {
            let next = match answer {
                Ok(answer) => driver.next(answer, &aws::now()),
                Err(fault) => driver.call_failed(fault),
            };
            let ask = match next? {
                Next::Done(reply) => return Ok(reply),
                Next::Ask(ask) => ask,
            };
            tracing::info!("{ask}");
            turns.asks(&ask, Instant::now());
            answer = match ask {
                Ask::Executions(_) | Ask::Keep(_) => others(ask).await,
                ask => self.answer(driver.release(), ask).await,
            };
            if let Ok(answer) = &answer {
                tokio::time::sleep(turns.pause(answer, Instant::now(), aws::jitter())).await;
            }
        }
    }

    async fn answer(&self, release: &Release, ask: Ask) -> Result<Answer, Fault> {
        let target = &release.target;
        match ask {
            Ask::View => self.view(release).await,
            Ask::Candidates(names) => self.candidates(target, &names).await,
            Ask::AllCandidates => self.all_candidates(target).await,
            Ask::PlannedNames(ticket) => self.planned_names(target, ticket).await,
            Ask::Aliases(names) => self.aliases(target, &names).await,
            Ask::Components(names) => self.components(&names).await,
            Ask::Released(libraries) => self.released(&libraries).await,
            Ask::HavePassed(proofs) => self.have_passed(target, &proofs).await,
            Ask::Wait(seconds) => wait(seconds).await,
            Ask::Evidence(all) => self.evidence(all).await,
            Ask::Settle(rows) => settle(&rows).await,
            Ask::Examine(rows, tolerates) => self.examine(target, &rows, tolerates).await,
            Ask::Change(batch, comment) => self.change(release, &batch, &comment).await,
            Ask::WaitInSync(id) => self.wait_in_sync(&id).await,
            Ask::RecordSet(set, proofs) => self.record_set(target, &set, &proofs).await,
            Ask::RecordAliases(rows) => self.record_aliases(target, &rows).await,
            Ask::KeepConnected(by, all) => self.keep_connected(target, by, &all).await,
            Ask::Confirm(by, all) => self.confirm(target, by, all).await,
            Ask::MoveOn(marks) => self.move_on(target, marks).await,
            Ask::GiveBack(ticket, rows) => self.give_back(target, ticket, &rows).await,
            Ask::RecordLive(ticket, id) => self.record_live(target, ticket, id.as_deref()).await,
            Ask::RecordRolledBack(ticket, cause) => self.record_back(target, ticket, &cause).await,
            Ask::RecordFailure(ticket, outcome, cause) => {
                self.record_failure(target, ticket, outcome, &cause).await
            }
            Ask::RecordSuperseded(tickets, cause) => {
                self.record_superseded(target, tickets, &cause).await
            }
            Ask::End(leaving) => self.end(target, &leaving).await,
            Ask::PlanOf(execution, began) => self.plan_of(target, &execution, &began).await,
            Ask::DrawTicket => self.draw_ticket(target).await,
            Ask::Reserve(reservation) => self.reserve(target, &reservation).await,
            Ask::ReserveCompanions(rows) => self.reserve_companions(target, &rows).await,
            Ask::Instances => self.instances(release).await,
            Ask::Releases(these) => self.releases(target, &these).await,
            Ask::EndInstances(ids) => self.end_instances(ids).await,
            Ask::Tell(row) => self.tell(target, &row).await,
            Ask::Executions(_) | Ask::Keep(_) => Err(not_answered(&ask)),
        }
    }

    async fn view(&self, release: &Release) -> Result<Answer, Fault> {
        Ok(Answer::Zone(self.dns.view(&release.zone_id).await?))
    }

    async fn candidates(&self, target: &Target, names: &BTreeSet<Fqdn>) -> Result<Answer, Fault> {
        let rows = self.registry.candidates(target, names).await?;
        let shared = rows.into_iter().map(|(at, row)| (at, Arc::new(row)));
        Ok(Answer::Rows(shared.collect()))
    }

    async fn all_candidates(&self, target: &Target) -> Result<Answer, Fault> {
        let target = Key::target(target);
        let rows: Vec<CandidateRow> = self.registry.query(&target, "candidate#").await?;
        let by_name = |row: CandidateRow| (row.hostname.clone(), Arc::new(row));
        Ok(Answer::Rows(rows.into_iter().map(by_name).collect()))
    }

    async fn planned_names(&self, target: &Target, ticket: Ticket) -> Result<Answer, Fault> {
        let key = Key::release(target, ticket);
        let planned: Option<ReleaseRow> = self.registry.get(&key).await?;
        let components = planned.map(|row| row.plan.components).unwrap_or_default();
        let names = components.into_iter().filter_map(|one| one.hostname);
        Ok(Answer::Names(names.collect()))
    }

    async fn aliases(&self, target: &Target, names: &BTreeSet<Component>) -> Result<Answer, Fault> {
        let keys: Vec<Key> = names.iter().map(|one| Key::alias(target, one)).collect();
        Ok(Answer::Aliases(self.registry.get_many(&keys).await?))
    }

    async fn components(&self, names: &BTreeSet<Component>) -> Result<Answer, Fault> {
        let keys: Vec<Key> = names.iter().map(Key::component).collect();
        let rows: Vec<ComponentRow> = self.registry.get_many(&keys).await?;
        let found = rows.into_iter().map(|row| row.component).collect();
        Ok(Answer::Components(found))
    }

    async fn released(&self, libraries: &[Tagged]) -> Result<Answer, Fault> {
        let found = self.registry.released_libraries(libraries).await?;
        Ok(Answer::Released(found))
    }

    async fn have_passed(&self, target: &Target, proofs: &[Proof]) -> Result<Answer, Fault> {
        let passed = self.registry.have_passed(target, proofs).await?;
        Ok(Answer::Passed(passed))
    }

    async fn plan_of(
        &self,
        target: &Target,
        execution: &str,
        began: &str,
    ) -> Result<Answer, Fault> {
        let found = self.registry.plan_of(target, execution, began).await?;
        Ok(Answer::Plan(match found {
            registry::PlanFound::None => PlanFound::None,
            registry::PlanFound::Own(row) => PlanFound::Own(Box::new(row.plan)),
            registry::PlanFound::Earlier(ticket) => PlanFound::Earlier(ticket),
        }))
    }

    async fn examine(
        &self,
        target: &Target,
        rows: &[Arc<CandidateRow>],
        tolerates: Tolerates,
    ) -> Result<Answer, Fault> {
        let seen = self
            .examiner
            .examine(target, rows.iter().map(Arc::as_ref), tolerates)
            .await?;
        Ok(Answer::Conditions(seen))
    }

    async fn evidence(&self, all: Vec<Subject>) -> Result<Answer, Fault> {
        let read = all.into_iter().map(|one| self.store.evidence(one));
        let read = stream::iter(read).buffered(AT_ONCE).try_collect().await?;
        Ok(Answer::Evidence(read))
    }

    async fn wait_in_sync(&self, id: &str) -> Result<Answer, Fault> {
        self.dns.wait_in_sync(id).await?;
        Ok(Answer::Done)
    }

    async fn change(
        &self,
        release: &Release,
        batch: &Batch,
        comment: &str,
    ) -> Result<Answer, Fault> {
        tracing::info!(?batch, "changes the zone");
        let outcome = match self.dns.change(&release.zone_id, batch, comment).await {
            Ok(change_id) => ChangeOutcome::Applied(change_id),
            Err(ChangeError::Moved(why)) => ChangeOutcome::Refused(why),
            Err(error) => return Err(error.into()),
        };
        tracing::info!(?outcome, "changed the zone");
        Ok(Answer::Changed(outcome))
    }

    async fn record_set(
        &self,
        target: &Target,
        set: &SetRow,
        proofs: &[ProofRow],
    ) -> Result<Answer, Fault> {
        self.registry.record_set(target, set, proofs).await?;
        Ok(Answer::Done)
    }

    async fn record_live(
        &self,
        target: &Target,
        ticket: Ticket,
        change_id: Option<&str>,
    ) -> Result<Answer, Fault> {
        let recorded =
            self.registry
                .record_outcome(target, ticket, ReleaseOutcome::Live, None, change_id);
        recorded.await?;
        Ok(Answer::Done)
    }

    async fn record_failure(
        &self,
        target: &Target,
        ticket: Ticket,
        outcome: ReleaseOutcome,
        cause: &str,
    ) -> Result<Answer, Fault> {
        let cause = Some(cause);
        let recorded = self
            .registry
            .record_outcome(target, ticket, outcome, cause, None);
        recorded.await?;
        Ok(Answer::Done)
    }

    async fn record_superseded(
        &self,
        target: &Target,
        tickets: BTreeSet<Ticket>,
        cause: &str,
    ) -> Result<Answer, Fault> {
        let write = |ticket| self.registry.record_superseded(target, ticket, cause);
        let writes = stream::iter(tickets).map(write).buffer_unordered(AT_ONCE);
        let () = writes.try_collect().await?;
        Ok(Answer::Done)
    }

    /// Found by tag, not by row: also those that a crash left unrecorded.
    async fn end(&self, target: &Target, leaving: &[Leaving]) -> Result<Answer, Fault> {
        let of = |one: &Leaving| {
            let label = release_label(target, one.launched);
            (label, one.hostname.to_string())
        };
        let wanted = leaving.iter().map(of).collect();
        let seen = self.fleet.of_releases(&wanted).await?;
        let left = seen.into_iter().filter(Seen::can_end);
        let ids: Vec<String> = left.map(|one| one.id).collect();
        self.fleet.terminate(&ids).await?;
        Ok(Answer::Ended(ids))
    }

    async fn record_back(
        &self,
        target: &Target,
        ticket: Ticket,
        cause: &str,
    ) -> Result<Answer, Fault> {
        self.registry
            .record_rolled_back(target, ticket, cause)
            .await?;
        Ok(Answer::Done)
    }

    async fn draw_ticket(&self, target: &Target) -> Result<Answer, Fault> {
        Ok(Answer::Ticket(self.registry.draw_ticket(target).await?))
    }

    async fn reserve(&self, target: &Target, asked: &Reservation) -> Result<Answer, Fault> {
        let reservation = registry::Reservation {
            target,
            release: &asked.release,
            candidates: &asked.candidates,
            taken_over: &asked.taken_over,
            earlier: asked.earlier,
        };
        let reserved = self.registry.reserve(&reservation).await?;
        Ok(Answer::Reserved(reserved == Reserved::Done))
    }

    async fn reserve_companions(
        &self,
        target: &Target,
        rows: &[CandidateRow],
    ) -> Result<Answer, Fault> {
        let reserved = self.registry.reserve_companions(target, rows).await?;
        Ok(Answer::Reserved(reserved == Reserved::Done))
    }
}
