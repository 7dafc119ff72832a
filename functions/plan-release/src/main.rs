//! Versions become commits, a ticket is drawn, names are reserved: everything known up front.

mod resolve;
mod rollback;

use dns::Dns;
use pipeline::errors;
use pipeline::input::ReleaseInput;
use pipeline::names::{Component, Target, Ticket, alias};
use pipeline::plan::{ComponentPlan, Observed, plan_component};
use pipeline::records::ZoneView;
use pipeline::rows::{CandidateRow, CandidateState, ComponentRow, EnvironmentRow, Key, ReleaseRow};
use pipeline::target;
use pipeline::version::Version;
use pipeline::wire::{PlanOutcome, PlanReply, PlanRequest, Planned, Release};
use registry::{Registry, Reservation, Reserved};
use secrets::Secrets;
use stage::{Fault, Settings};

struct Planner {
    settings: Settings,
    registry: Registry,
    secrets: Secrets,
    dns: Dns,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = stage::sdk_config().await;
    let settings = Settings::from_env()?;
    let planner = Planner {
        registry: Registry::new(&config, &settings.table),
        secrets: Secrets::new(&config),
        dns: Dns::new(&config),
        settings,
    };
    stage::run(async |request: PlanRequest| planner.plan(request).await).await
}

impl Planner {
    async fn plan(&self, request: PlanRequest) -> Result<PlanReply, Fault> {
        let input = ReleaseInput::parse(&request.input)
            .map_err(|e| Fault::new(errors::INPUT_INVALID, e.to_string()))?;
        let environment = self.environment(&input.target).await?;
        if let Some(before) = self
            .registry
            .plan_of(&input.target, &request.execution)
            .await?
        {
            tracing::info!(
                ticket = before.ticket.0,
                "this execution has its plan already"
            );
            return Ok(before.plan);
        }
        let release = self.release(&request, &input, environment);
        // A roll-back's ticket is drawn before it looks what is live: what goes live from then on has
        // a higher one, and is not rolled over unseen.
        let early = match release.rollback {
            true => Some(self.registry.draw_ticket(&input.target).await?),
            false => None,
        };
        let zone = self.dns.view(&release.zone_id).await?;
        let asked = self.asked(&input, &release, &zone).await?;
        // The ticket is drawn before any branch is read: of two pushes, the one that sees the
        // newer commit draws later, so its ticket is higher.
        let ticket = match early {
            Some(ticket) => ticket,
            None => self.registry.draw_ticket(&input.target).await?,
        };
        let mut release = Release { ticket, ..release };
        let mut observed = Vec::new();
        for one in asked.components {
            let commit = self.resolve(&one.row, &one.version, &input).await?;
            let before = one.before;
            let seen = self
                .observe(&release, &zone, one.row, one.version, commit)
                .await?;
            self.not_taken_back(&input, &seen).await?;
            observed.push(Observed {
                before: self.left_of(&release, before).await?,
                ..seen
            });
        }
        release.proven = release.rollback && self.proven(&release, &zone, &observed).await?;
        self.reserve(&request, release, observed, asked.stay).await
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
        Release {
            project: self.settings.project.clone(),
            target: input.target.clone(),
            ticket: Ticket(0), // drawn later
            execution: request.execution.clone(),
            domain: environment.domain,
            zone_id: environment.zone_id,
            launch_template_id: environment.launch_template_id,
            launch_template_version: environment.launch_template_version,
            subnet_ids: environment.subnet_ids,
            alias_ttl: environment.alias_ttl,
            hostname_ttl: environment.hostname_ttl.max(2),
            drain_seconds: environment.alias_ttl + environment.drain_margin,
            skip_slow_scans: input.skip_slow_scans,
            size: input.versions.len() as u32,
            test_dependents: environment.test_dependents,
            tag: input.tag,
            rollback: input.is_rollback(),
            proven: false, // found out when it is known what comes back
        }
    }

    async fn observe(
        &self,
        release: &Release,
        zone: &ZoneView,
        row: ComponentRow,
        version: Version,
        commit: pipeline::names::Commit,
    ) -> Result<Observed, Fault> {
        let live = match zone.points_to(&alias(&row.component, &release.domain)) {
            Some(hostname) => {
                let running: Option<CandidateRow> = self
                    .registry
                    .get(&Key::candidate(&release.target, &hostname))
                    .await?;
                Some((hostname, running.map(|row| row.commit)))
            }
            None => None,
        };
        let plain = pipeline::names::hostname(&row.component, &commit, &release.domain);
        let taken: Option<CandidateRow> = self
            .registry
            .get(&Key::candidate(&release.target, &plain))
            .await?;
        let plain_name_taken =
            taken.is_some_and(|row| !row.state.is_gone()) || zone.get(&plain).is_some();
        Ok(Observed {
            component: row.component,
            version,
            commit,
            repository: row.repository,
            credentials: row.credentials,
            live,
            plain_name_taken,
            before: None,
        })
    }

    /// Reserves the names; where somebody was first with one, it gets one of this release.
    async fn reserve(
        &self,
        request: &PlanRequest,
        release: Release,
        mut observed: Vec<Observed>,
        stay: Vec<Component>,
    ) -> Result<PlanReply, Fault> {
        let plan = |observed: &[Observed]| {
            observed
                .iter()
                .cloned()
                .map(|one| plan_component(one, release.ticket, &release.domain, release.proven))
                .collect::<Vec<_>>()
        };
        for _ in 0..2 {
            let reply = reply(&release, plan(&observed), &stay);
            let row = ReleaseRow {
                ticket: release.ticket,
                execution: request.execution.clone(),
                execution_arn: request.execution_arn.clone(),
                started: stage::now(),
                outcome: if reply.components.is_empty() {
                    "already live".into()
                } else {
                    "running".into()
                },
                plan: reply.clone(),
                cause: None,
                ended: None,
                change_id: None,
            };
            match self.try_names(&release, &row, &reply).await? {
                Reserved::Done => {
                    // A teardown closes the target first and looks for releases then: so either it
                    // sees this reservation, or this sees that the target is closed.
                    self.environment(&release.target).await?;
                    return Ok(reply);
                }
                Reserved::Taken => {}
            }
            if let Some(before) = self
                .registry
                .plan_of(&release.target, &request.execution)
                .await?
            {
                return Ok(before.plan);
            }
            // Somebody was first with a name, or took away what was to be taken over.
            for one in &mut observed {
                one.plain_name_taken = true;
                one.before.iter_mut().for_each(|before| before.warm = false);
            }
        }
        Err(Fault::new(
            errors::UNAVAILABLE,
            "the names of this release could not be reserved; another release took them at this moment",
        ))
    }
}

impl Planner {
    async fn try_names(
        &self,
        release: &Release,
        row: &ReleaseRow,
        reply: &PlanReply,
    ) -> Result<Reserved, Fault> {
        let Some((candidates, taken_over)) = self.candidates(reply).await? else {
            return Ok(Reserved::Taken);
        };
        tracing::info!(
            ticket = release.ticket.0,
            components = candidates.len(),
            taken_over = taken_over.len(),
            "planned"
        );
        let reservation = Reservation {
            target: &release.target,
            release: row,
            candidates: &candidates,
            taken_over: &taken_over,
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
        for planned in &reply.components {
            let fresh = row(reply, planned);
            if !planned.warm {
                new.push(fresh);
                continue;
            }
            let key = Key::candidate(&reply.release.target, &planned.hostname);
            match self.registry.get::<CandidateRow>(&key).await? {
                Some(seen) if seen.state == CandidateState::Live => {
                    let next = CandidateRow {
                        ticket: fresh.ticket,
                        release: fresh.release,
                        state: CandidateState::Healthy,
                        launched_by: Some(seen.launched()),
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
}

fn unknown_component(component: &Component) -> Fault {
    Fault::new(
        errors::UNKNOWN_COMPONENT,
        format!(
            "component: `{component}` is not one of this project's; add it with `cutover component add {component} --repository URL`"
        ),
    )
}

fn reply(release: &Release, plans: Vec<ComponentPlan>, stay: &[Component]) -> PlanReply {
    let mut reply = PlanReply {
        outcome: PlanOutcome::Release,
        release: release.clone(),
        components: Vec::new(),
        already_live: Vec::new(),
        stay: stay.to_vec(),
    };
    for plan in plans {
        match plan {
            ComponentPlan::Release(planned) => reply.components.push(planned),
            ComponentPlan::AlreadyLive(live) => reply.already_live.push(live),
        }
    }
    reply.release.size = reply.components.len() as u32;
    if reply.components.is_empty() {
        reply.outcome = PlanOutcome::AlreadyLive;
    }
    reply
}

fn row(reply: &PlanReply, planned: &Planned) -> CandidateRow {
    CandidateRow {
        component: planned.component.clone(),
        commit: planned.commit.clone(),
        hostname: planned.hostname.clone(),
        ticket: reply.release.ticket,
        release: reply.release.label(),
        state: CandidateState::Planned,
        instances: Vec::new(),
        launch_template_version: String::new(),
        launched_by: None,
        companion: false,
        recipe: None,
        found_healthy: None,
    }
}
