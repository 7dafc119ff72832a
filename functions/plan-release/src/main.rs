//! Versions become commits, a ticket is drawn, names are reserved: everything known up front.

mod confirm;
mod libraries;
mod live;
mod looks;
mod resolve;
mod rollback;

use dns::Dns;
use drive::Drive;
use libraries::Libraries;
use looks::All;
use pipeline::cutover::obstacle;
use pipeline::drivers::{Confirmed, MAX_PLANS};
use pipeline::errors::{ErrorName, Fault};
use pipeline::input::ReleaseInput;
use pipeline::look::Look;
use pipeline::names::{Component, Fqdn, Target, Ticket, alias, hostname};
use pipeline::plan::{ComponentPlan, Observed, Resolved, Terms, observe, plan_component};
use pipeline::rows::{
    CandidateRow, CandidateState, EnvironmentRow, Key, ReleaseOutcome, ReleaseRow,
};
use pipeline::target;
use pipeline::wire::{PlanOutcome, PlanReply, PlanRequest, Planned, Release};
use registry::{PlanFound, Registry, Reservation, Reserved};
use secrets::Secrets;
use stage::Settings;
use std::collections::BTreeMap;

struct Planner {
    config: aws_config::SdkConfig,
    settings: Settings,
    registry: Registry,
    secrets: Secrets,
    dns: Dns,
    drive: Drive,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let planner = Planner {
        registry: Registry::new(&config, &settings.table),
        secrets: Secrets::new(&config),
        dns: Dns::new(&config),
        drive: Drive::new(&config, &settings.table, &settings.bucket)?,
        settings,
        config,
    };
    stage::run(async |request: PlanRequest| planner.plan(request).await).await
}

impl Planner {
    async fn plan(&self, request: PlanRequest) -> Result<PlanReply, Fault> {
        let input = ReleaseInput::parse(&request.input)
            .map_err(|e| Fault::new(ErrorName::InputInvalid, e.to_string()))?;
        let environment = self.environment(&input.target).await?;
        let found = self.plan_of(&input.target, &request).await?;
        let earlier = found.earlier();
        if let Some(before) = found.own() {
            tracing::info!(ticket = before.ticket.0, "planned already");
            return Ok(before.plan);
        }
        let release = self.release(&request, &input, environment);
        for _ in 0..MAX_PLANS {
            let plan = self.try_plan(&input, release.clone(), earlier).await?;
            if let Some(plan) = plan {
                return self.reserve(&request, plan).await;
            }
        }
        Err(Fault::new(
            ErrorName::Unavailable,
            "what is live already kept moving while this release was planned",
        ))
    }

    /// `None` where it has to be looked again: what was live already is not any more.
    async fn try_plan(
        &self,
        input: &ReleaseInput,
        release: Release,
        earlier: Option<Ticket>,
    ) -> Result<Option<Plan>, Fault> {
        // A roll-back's ticket is drawn before it looks what is live: what goes live from then on has
        // a higher one, and is not rolled over unseen.
        let mut ticket = None;
        if release.rollback {
            ticket = Some(self.registry.draw_ticket(&input.target).await?);
        }
        let mut components = self.components(input.versions.keys()).await?;
        let (look, asked) = self.look_and_ask(input, &release).await?;
        not_in_the_way(&look, &asked)?;
        // The ticket is drawn before any branch is read: of two pushes, the one that sees the
        // newer commit draws later, so its ticket is higher.
        let ticket = match ticket {
            Some(ticket) => ticket,
            None => self.registry.draw_ticket(&input.target).await?,
        };
        let mut release = Release { ticket, ..release };
        if input.takes_back_last_release() {
            let names = asked.components.iter().map(|one| &one.component);
            components = self.components(names).await?;
        }
        let asked_for = asked.components;
        let resolved = self
            .resolve_all(input, &look, &components, asked_for)
            .await?;
        let (libraries, resolved) = self.apart(resolved, &components, input.force).await?;
        release.proven = release.rollback && self.proven(&release, &look, &resolved).await?;
        let plan = Plan {
            observed: self.observe(&release, &look, resolved).await?,
            stay: asked.stay,
            libraries,
            force: input.force,
            earlier,
            release,
        };
        let confirmed = self.confirm(&look, &plan.reply()).await?;
        Ok((confirmed == Confirmed::Stays).then_some(plan))
    }

    async fn plan_of(&self, target: &Target, request: &PlanRequest) -> Result<PlanFound, Fault> {
        let PlanRequest {
            execution, began, ..
        } = request;
        Ok(self.registry.plan_of(target, execution, began).await?)
    }

    async fn environment(&self, target: &Target) -> Result<EnvironmentRow, Fault> {
        let row = self.registry.get(&Key::environment(target)).await?;
        target::open(target, row).map_err(|why| Fault::new(why.name(), why.to_string()))
    }

    fn release(
        &self,
        request: &PlanRequest,
        input: &ReleaseInput,
        environment: EnvironmentRow,
    ) -> Release {
        let project = self.settings.project.clone();
        let target = input.target.clone();
        Release {
            skip_slow_scans: input.skip_slow_scans,
            size: input.versions.len() as u32,
            tag: input.tag,
            rollback: input.is_rollback(),
            ..Release::on(project, target, &request.execution, environment)
        }
    }

    async fn observe(
        &self,
        release: &Release,
        look: &Look,
        resolved: Vec<Resolved>,
    ) -> Result<Vec<Observed>, Fault> {
        let plain = |one: &Resolved| hostname(&one.component, &one.commit, &release.domain);
        let names: Vec<Fqdn> = resolved.iter().map(plain).collect();
        let rows = self.registry.standing(&release.target, &names).await?;
        let observe = |(one, name): (Resolved, &Fqdn)| observe(look, one, rows.get(name));
        let mut all: Vec<Observed> = resolved.into_iter().zip(&names).map(observe).collect();
        self.ask_instances(release, look, &mut all).await?;
        Ok(all)
    }

    /// Reserves the names; where somebody was first with one, it gets one of this release.
    async fn reserve(&self, request: &PlanRequest, mut plan: Plan) -> Result<PlanReply, Fault> {
        let release = plan.release.clone();
        for _ in 0..2 {
            let reply = plan.reply();
            let row = release_row(request, &reply);
            if self.try_names(plan.earlier, &row, &reply).await? == Reserved::Done {
                // A teardown closes the target first and looks for releases then: so either it
                // sees this reservation, or this sees that the target is closed.
                self.environment(&release.target).await?;
                return Ok(reply);
            }
            let before = self.plan_of(&release.target, request).await?;
            if let Some(before) = before.own() {
                return Ok(before.plan);
            }
            // Somebody was first with a name, or took away what was to be taken over.
            for one in &mut plan.observed {
                one.plain_name_taken = true;
                one.warm = false;
            }
        }
        Err(Fault::new(
            ErrorName::Unavailable,
            "the names of this release could not be reserved; another release took them at this moment",
        ))
    }
}

/// Everything that the plan follows from.
struct Plan {
    release: Release,
    observed: Vec<Observed>,
    stay: Vec<Component>,
    libraries: Libraries,
    force: bool,
    /// Of another execution that had the name of this one.
    earlier: Option<Ticket>,
}

impl Plan {
    fn reply(&self) -> PlanReply {
        let mut reply = PlanReply {
            outcome: PlanOutcome::Release,
            release: self.release.clone(),
            components: Vec::new(),
            libraries: self.libraries.planned.clone(),
            already_live: Vec::new(),
            already_built: self.libraries.already_built.clone(),
            stay: self.stay.clone(),
        };
        let terms = Terms {
            ticket: self.release.ticket,
            domain: &self.release.domain,
            proven: self.release.proven,
            force: self.force,
        };
        for one in &self.observed {
            match plan_component(one.clone(), &terms) {
                ComponentPlan::Release(planned) => reply.components.push(planned),
                ComponentPlan::AlreadyLive(live) => reply.already_live.push(live),
            }
        }
        let size = reply.components.len() + reply.libraries.len();
        reply.release.size = size as u32;
        if size == 0 {
            reply.outcome = PlanOutcome::AlreadyLive;
        }
        reply
    }
}

/// What no release made is left as it is, and nothing is booted that could not go live.
fn not_in_the_way(look: &Look, asked: &All) -> Result<(), Fault> {
    let known = look.known();
    let names = asked.components.iter().map(|one| &one.component);
    let found = names
        .map(|component| alias(component, &look.domain))
        .find_map(|alias| obstacle(&look.zone, &alias, &known));
    match found {
        Some(why) => Err(Fault::new(ErrorName::CutoverRefused, why)),
        None => Ok(()),
    }
}

fn release_row(request: &PlanRequest, reply: &PlanReply) -> ReleaseRow {
    let execution = (request.execution.clone(), request.execution_arn.clone());
    ReleaseRow {
        outcome: match reply.outcome {
            PlanOutcome::AlreadyLive => ReleaseOutcome::AlreadyLive,
            PlanOutcome::Release => ReleaseOutcome::Running,
        },
        ..ReleaseRow::begun(reply.clone(), execution, aws::now())
    }
}

impl Planner {
    async fn try_names(
        &self,
        earlier: Option<Ticket>,
        row: &ReleaseRow,
        reply: &PlanReply,
    ) -> Result<Reserved, Fault> {
        let Some((candidates, taken_over)) = self.candidates(reply).await? else {
            return Ok(Reserved::Taken);
        };
        tracing::info!(
            ticket = row.ticket.0,
            components = candidates.len(),
            taken_over = taken_over.len(),
            "planned"
        );
        let reservation = Reservation {
            target: &reply.release.target,
            release: row,
            candidates: &candidates,
            taken_over: &taken_over,
            earlier,
        };
        Ok(self.registry.reserve(&reservation).await?)
    }
}

/// New rows, and those that are taken over: as they were seen, and as they will be.
type Names = (Vec<CandidateRow>, Vec<(CandidateRow, CandidateRow)>);

impl Planner {
    /// New rows, and those of instances that are taken over: as they were seen and as they will be.
    async fn candidates(&self, reply: &PlanReply) -> Result<Option<Names>, Fault> {
        let (mut new, mut taken_over) = (Vec::new(), Vec::new());
        let mut warm = self.warm(reply).await?;
        for planned in &reply.components {
            let at = planned.stands_at()?;
            let fresh = row(reply, planned, at);
            if !planned.warm {
                new.push(fresh);
                continue;
            }
            match warm.remove(at) {
                Some(seen) if seen.state == CandidateState::Live => {
                    let next = CandidateRow {
                        ticket: fresh.ticket,
                        release: fresh.release,
                        state: CandidateState::Healthy,
                        launched_by: Some(seen.launched()),
                        taken_from: Some(seen.ticket),
                        ..seen.clone()
                    };
                    taken_over.push((seen, next));
                }
                // It was taken away since it was looked at; nothing is there to be taken over.
                _ => return Ok(None),
            }
        }
        Ok(Some((new, taken_over)))
    }

    /// The rows of what is to be taken over.
    async fn warm(&self, reply: &PlanReply) -> Result<BTreeMap<Fqdn, CandidateRow>, Fault> {
        let planned = reply.components.iter().filter(|planned| planned.warm);
        let names: Vec<Fqdn> = planned
            .map(|planned| Ok(planned.stands_at()?.clone()))
            .collect::<Result<_, Fault>>()?;
        Ok(self
            .registry
            .standing(&reply.release.target, &names)
            .await?)
    }
}

fn row(reply: &PlanReply, planned: &Planned, hostname: &Fqdn) -> CandidateRow {
    let release = (reply.release.ticket, reply.release.label());
    CandidateRow::planned(
        hostname.clone(),
        planned.component.clone(),
        planned.commit.clone(),
        release,
    )
}
