//! Which suites a release runs, and where they find what they test.

use crate::names::{Component, Fqdn, peer_variable};
use crate::wire::{Prepared, SuiteRef, SuiteRun, Vendored};
use std::collections::{BTreeMap, BTreeSet};

/// The address of something that listens at a port.
pub fn url(name: &Fqdn, port: u16) -> String {
    format!("http://{name}:{port}")
}

/// What a component is told of its peers: `UI_URL` and so on.
pub fn peer_environment(
    peers: impl IntoIterator<Item = Component>,
    urls: &BTreeMap<Component, String>,
) -> BTreeMap<String, String> {
    peers
        .into_iter()
        .filter_map(|peer| {
            urls.get(&peer)
                .map(|url| (peer_variable(&peer), url.clone()))
        })
        .collect()
}

/// Whether one of these components is a peer of another: it may have looked the other's name up before
/// that was published, and what resolvers remember of that would fail its suites.
pub fn ask_for_each_other(together: &[(&Component, &BTreeSet<Component>)]) -> bool {
    let is_there = |peer: &Component| together.iter().any(|(name, _)| *name == peer);
    together.iter().any(|(_, peers)| peers.iter().any(is_there))
}

/// All suites of all candidates and companions, and those that are left out.
pub fn plan_suites(
    candidates: &[Prepared],
    peers: &BTreeMap<Component, String>,
    skip_slow: bool,
) -> (Vec<SuiteRun>, Vec<SuiteRef>) {
    let mut run = Vec::new();
    let mut skipped = Vec::new();
    for candidate in candidates {
        let planned = &candidate.planned;
        let manifest = &candidate.manifest;
        let mut environment = peer_environment(manifest.component.peers.iter().cloned(), peers);
        if let (Some(hostname), Some(run)) = (&planned.hostname, &manifest.run) {
            environment.insert("TARGET_URL".into(), url(hostname, run.port.number()));
        }
        environment.insert("COMMIT".into(), planned.commit.to_string());
        for suite in &manifest.suites {
            if suite.slow && skip_slow {
                skipped.push(SuiteRef {
                    component: planned.component.clone(),
                    suite: suite.name.clone(),
                });
                continue;
            }
            run.push(SuiteRun {
                component: planned.component.clone(),
                companion: planned.companion,
                suite: suite.name.clone(),
                commit: planned.commit.clone(),
                source: candidate.source.clone(),
                command: suite.command.clone(),
                timeout: suite.timeout,
                machine: suite.machine.clone(),
                environment: environment.clone(),
                vendor: vendor_of(candidate),
                of: 0, // known when all are
            });
        }
    }
    let of = run.len() as u32;
    run.iter_mut().for_each(|suite| suite.of = of);
    (run, skipped)
}

/// What a suite finds in `$VENDOR`. A library's has the library itself there too, as its users get it.
fn vendor_of(candidate: &Prepared) -> Vec<Vendored> {
    let planned = &candidate.planned;
    let own = candidate.artifact.as_ref();
    let own = own.filter(|_| candidate.manifest.is_library());
    let own = own.map(|artifact| Vendored {
        library: planned.component.clone(),
        commit: planned.commit.clone(),
        artifact: Some(artifact.bundle.clone()),
    });
    candidate.vendor.iter().cloned().chain(own).collect()
}

/// The suites of a library. None is left out: what they let pass is there for every target and every
/// release to come.
pub fn suites_of_library(library: &Prepared) -> Vec<SuiteRun> {
    plan_suites(std::slice::from_ref(library), &BTreeMap::new(), false).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_whose_peer_is_released_with_them_may_have_looked_it_up_too_early() {
        let component = |name: &str| Component::new(name).unwrap();
        let (ui, api) = (component("ui"), component("api"));
        let (none, to_api) = (BTreeSet::new(), BTreeSet::from([api.clone()]));
        assert!(ask_for_each_other(&[(&ui, &to_api), (&api, &none)]));
        assert!(!ask_for_each_other(&[(&ui, &to_api)]));
        assert!(!ask_for_each_other(&[(&ui, &none), (&api, &none)]));
    }
}
