//! What is looked at before anything is decided: the zone first, then the rows, each once.

use crate::Planner;
use pipeline::drivers::MAX_PLANS;
use pipeline::errors::{ErrorName, Fault};
use pipeline::input::ReleaseInput;
use pipeline::look::{Look, NoWayBack, TakeBack};
use pipeline::names::{Component, Target};
use pipeline::rows::{AliasRow, Key, Previous, ReleaseOutcome, ReleaseRow};
use pipeline::version::Version;
use pipeline::wire::Release;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Between two looks where DNS and the rows differ: a cutover records itself within a second or two.
const AGAIN: Duration = Duration::from_secs(2);
/// How many releases are named that a roll-back could go back to by hand.
const NAMED: usize = 3;
/// Of how many past releases.
const PAST: i32 = 50;

/// One component that is asked for.
pub(crate) struct Asked {
    pub(crate) component: Component,
    pub(crate) version: Version,
    /// What was live before, where that is asked for.
    pub(crate) back: Option<Previous>,
}

/// Everything that is asked for.
#[derive(Default)]
pub(crate) struct All {
    pub(crate) components: Vec<Asked>,
    /// What the release that is taken back deployed for the first time.
    pub(crate) stay: Vec<Component>,
}

impl Planner {
    /// Looks, and finds what is asked for. Where a cutover comes between the looks at DNS and at the
    /// rows, what a roll-back goes back to is not known: it is looked again.
    pub(crate) async fn look_and_ask(
        &self,
        input: &ReleaseInput,
        release: &Release,
    ) -> Result<(Look, All), Fault> {
        let mut looks = 1;
        loop {
            let look = self.look(release).await?;
            match asked(input, &look) {
                Ok(all) => return Ok((look, all)),
                Err(why) if why.may_pass() && looks < MAX_PLANS => {
                    tracing::info!(%why, "looking again");
                    looks += 1;
                    tokio::time::sleep(AGAIN).await;
                }
                Err(why) => return Err(self.no_way_back(release, &why).await?),
            }
        }
    }

    async fn look(&self, release: &Release) -> Result<Look, Fault> {
        let zone = self.dns.view(&release.zone_id).await?;
        let rows: Vec<AliasRow> = self
            .registry
            .query(&Key::target(&release.target), "alias#")
            .await?;
        let aliases: BTreeMap<Component, AliasRow> = rows
            .into_iter()
            .map(|row| (row.component.clone(), row))
            .collect();
        let names = Look::hostnames(&zone, &aliases, &release.domain);
        let hosts = self.registry.candidates(&release.target, &names).await?;
        Ok(Look {
            domain: release.domain.clone(),
            zone,
            aliases,
            hosts,
        })
    }

    async fn no_way_back(&self, release: &Release, why: &NoWayBack) -> Result<Fault, Fault> {
        let target = &release.target;
        let said = format!("version: `previous` on {target}: {why}");
        let components = match why {
            NoWayBack::Disagrees { .. } => return Ok(Fault::new(ErrorName::UnknownVersion, said)),
            NoWayBack::NothingLive => BTreeSet::new(),
            NoWayBack::NotLive(component) => BTreeSet::from([component.clone()]),
            NoWayBack::First { components, .. } => components.iter().cloned().collect(),
        };
        let past: Vec<ReleaseRow> = self
            .registry
            .newest(&Key::target(target), "release#", PAST)
            .await?;
        let could = could_go_back_to(&past, &components, target);
        Ok(Fault::new(
            ErrorName::NothingToRollBack,
            format!("{said}. {could}"),
        ))
    }
}

fn asked(input: &ReleaseInput, look: &Look) -> Result<All, NoWayBack> {
    if input.takes_back_last_release() {
        let TakeBack {
            release,
            back,
            stay,
        } = look.take_back()?;
        tracing::info!(release = release.0, ?back, ?stay, "taking back");
        let asked = |(component, previous)| Asked {
            component,
            version: Version::Previous,
            back: Some(previous),
        };
        let components = back.into_iter().map(asked).collect();
        return Ok(All { components, stay });
    }
    let mut all = All::default();
    for (component, version) in &input.versions {
        let back = match version {
            Version::Previous => Some(look.back(component)?),
            _ => None,
        };
        all.components.push(Asked {
            component: component.clone(),
            version: version.clone(),
            back,
        });
    }
    Ok(all)
}

/// Versions of these that went live on the target, the newest first.
fn could_go_back_to(
    past: &[ReleaseRow],
    components: &BTreeSet<Component>,
    target: &Target,
) -> String {
    let live = past
        .iter()
        .filter(|row| row.outcome == ReleaseOutcome::Live);
    let all = live.flat_map(|row| row.plan.components.iter().map(move |one| (row, one)));
    let of = all.filter(|(_, one)| components.is_empty() || components.contains(&one.component));
    let mut seen = BTreeSet::new();
    let named: Vec<String> = of
        .filter(|(_, one)| seen.insert((&one.component, &one.commit)))
        .take(NAMED)
        .map(|(row, one)| {
            format!(
                "{}={} ({})",
                one.component,
                one.commit,
                row.plan.release.label()
            )
        })
        .collect();
    match named.is_empty() {
        true => format!(
            "Nothing else was live there; release a version, e.g. `cutover release COMPONENT=VERSION --target {target}`"
        ),
        false => format!(
            "Versions that went live there: {}; go to one with `cutover release COMPONENT=VERSION --target {target}`",
            named.join(", ")
        ),
    }
}
