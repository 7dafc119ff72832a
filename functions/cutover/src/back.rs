//! Roll back: one batch back to what was live before, which still runs.

use crate::{Step, Switch, request};
use dns::MAX_PLANS;
use pipeline::back::{BackPlan, BackReply, BackRequest, Seen, plan_back, plan_of, taken_over};
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::health::Tolerates;
use pipeline::live::{live, read_set};
use pipeline::names::{Fqdn, Ticket};
use pipeline::rows::{AliasRow, CandidateRow, Key, ReleaseOutcome, ReleaseRow};
use pipeline::wire::{CutoverReply, CutoverStep, PlanReply, Release, Stands, Tested};
use registry::{PlanFound, Reservation, Reserved};
use std::collections::BTreeMap;

/// How often what was live before is looked at anew because its rows changed hands.
const MAX_LOOKS: u32 = 3;

/// A plan whose names are reserved, or why there is none.
enum Begun {
    Plan(Box<PlanReply>),
    Stays(String),
    MovedOn,
}

impl Switch {
    /// Sends users back, or says why not. A second try goes on where the first was.
    pub(crate) async fn back(&self, asked: BackRequest) -> Result<BackReply, Fault> {
        let target = &asked.release.target;
        let execution = asked.execution();
        let found = self.registry.plan_of(target, &execution, &asked.began);
        let plan = match found.await? {
            PlanFound::Own(row) => row.plan,
            before => match self.begin(&asked, before.earlier()).await? {
                Begun::Plan(plan) => *plan,
                Begun::Stays(why) => return Ok(BackReply::stays(&asked, &why)),
                Begun::MovedOn => return Ok(BackReply::moved_on(&asked)),
            },
        };
        match self.move_back(&asked, &plan).await {
            Ok(None) => {
                let reply = BackReply::rolled_back(&asked, &plan);
                let ticket = asked.release.ticket;
                self.registry
                    .record_rolled_back(target, ticket, &reply.cause)
                    .await?;
                Ok(reply)
            }
            Ok(Some(why)) => Ok(BackReply::stays(&asked, &why)),
            Err(error) if is_about_the_previous(&error) => {
                Ok(BackReply::stays(&asked, &error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// Looks at what was live before, and reserves it for a release of its own.
    async fn begin(&self, asked: &BackRequest, earlier: Option<Ticket>) -> Result<Begun, Fault> {
        for _ in 0..MAX_LOOKS {
            let (back, stay) = match self.look_back(asked).await? {
                BackPlan::GoBack { back, stay } => (back, stay),
                BackPlan::Stay { why } => return Ok(Begun::Stays(why)),
                BackPlan::MovedOn => return Ok(Begun::MovedOn),
            };
            let release = Release {
                ticket: self.registry.draw_ticket(&asked.release.target).await?,
                ..asked.release.clone()
            };
            let plan = plan_of(release, &back, stay);
            if self.reserve(asked, &plan, back, earlier).await? {
                return Ok(Begun::Plan(Box::new(plan)));
            }
        }
        Ok(Begun::Stays(
            "what was live before kept changing hands".into(),
        ))
    }

    async fn look_back(&self, asked: &BackRequest) -> Result<BackPlan, Fault> {
        let release = &asked.release;
        let zone = self.dns.view(&release.zone_id).await?;
        let keys = asked.components.iter();
        let keys: Vec<Key> = keys
            .map(|one| Key::alias(&release.target, &one.component))
            .collect();
        let aliases: Vec<AliasRow> = self.registry.get_many(&keys).await?;
        let before = aliases.iter().filter_map(|row| row.previous.as_ref());
        let before: Vec<&Fqdn> = before.map(|previous| &previous.hostname).collect();
        let rows = self.registry.candidates(&release.target, before).await?;
        let conditions = self
            .examiner
            .examine(&release.target, rows.values(), Tolerates::AnyEnd)
            .await?;
        let seen = Seen {
            zone: &zone,
            aliases: &aliases,
            rows: &rows,
            conditions: &conditions,
        };
        let plan = plan_back(release, &asked.components, &seen);
        tracing::info!(?plan, "roll-back planned");
        Ok(plan)
    }

    async fn reserve(
        &self,
        asked: &BackRequest,
        plan: &PlanReply,
        back: Vec<CandidateRow>,
        earlier: Option<Ticket>,
    ) -> Result<bool, Fault> {
        let now = aws::now();
        let row = ReleaseRow {
            ticket: plan.release.ticket,
            execution: asked.execution(),
            execution_arn: asked.execution_arn.clone(),
            started: now.clone(),
            plan: plan.clone(),
            outcome: ReleaseOutcome::Running,
            cause: None,
            ended: None,
            change_id: None,
        };
        let next = |seen: CandidateRow| {
            let next = taken_over(&seen, &plan.release, &now);
            (seen, next)
        };
        let reservation = Reservation {
            target: &plan.release.target,
            release: &row,
            candidates: &[],
            taken_over: &back.into_iter().map(next).collect::<Vec<_>>(),
            earlier,
        };
        Ok(self.registry.reserve(&reservation).await? == Reserved::Done)
    }

    /// `None` once the aliases lead back; else why they do not.
    async fn move_back(
        &self,
        asked: &BackRequest,
        plan: &PlanReply,
    ) -> Result<Option<String>, Fault> {
        for _ in 0..MAX_PLANS {
            let step = self.step_back(asked, plan).await?;
            match self.switch(&step).await? {
                CutoverReply::Live { .. } => return Ok(None),
                CutoverReply::Superseded { reason } => return Ok(Some(reason)),
                CutoverReply::AlreadyLive { .. } => {
                    let why = "another release made the previous version live meanwhile";
                    return Ok(Some(why.into()));
                }
                // Nothing is tested here, so what moves beside it is only to be looked at again.
                CutoverReply::PeersMoved { reason } => tracing::info!(reason, "looking again"),
            }
        }
        Ok(Some("what is live beside it kept moving".into()))
    }

    async fn step_back(&self, asked: &BackRequest, plan: &PlanReply) -> Result<Step, Fault> {
        let release = &plan.release;
        let components = plan.components.iter().map(|one| Stands {
            component: one.component.clone(),
            hostname: one.hostname.clone(),
        });
        let mut step = CutoverStep {
            release: release.clone(),
            components: components.collect(),
            companions: Vec::new(),
            read_set: BTreeMap::new(),
            tested: Tested::default(),
        };
        let hostnames = step.components.iter().map(|one| &one.hostname);
        let stand = self.registry.candidates(&release.target, hostnames).await?;
        let zone = self.dns.view(&release.zone_id).await?;
        let known = self.known(release, &zone).await?;
        let brings = step.components.iter().filter_map(|one| {
            let row = stand.get(&one.hostname)?;
            Some((one.component.clone(), row.peers()))
        });
        step.read_set = read_set(
            &brings.collect(),
            &live(&zone, &release.domain),
            &known,
            release.test_dependents,
        );
        let mut request = request(&step, &stand)?;
        let failed = asked.components.iter();
        request.replaces = failed
            .map(|one| (one.component.clone(), one.hostname.clone()))
            .collect();
        Ok(Step {
            request,
            step,
            stand,
            tolerates: Tolerates::AnyEnd,
        })
    }
}

/// What was live before ended in this very moment.
fn is_about_the_previous(error: &Fault) -> bool {
    [ErrorName::NotHealthy, ErrorName::CandidateGone].contains(&error.name())
}
