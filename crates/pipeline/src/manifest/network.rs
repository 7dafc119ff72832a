//! `[build] network = false`: unit tests and build see no network.

use super::{Manifest, ManifestError};

impl Manifest {
    /// Whether the commands that want no network run where they have none. To be asked of a manifest whose
    /// machines are settled; `offered` is whether the pipeline has containers without a network.
    ///
    /// A function cannot keep a command from its network: Lambda lets nobody make a user namespace
    /// (<https://github.com/aws/aws-lambda-base-images/issues/143>), and its security group is that of all
    /// commands. What cannot be kept is refused.
    ///
    /// # Errors
    /// [`ManifestError`] where it would not be kept.
    pub fn kept_from_network(self, offered: bool) -> Result<Self, ManifestError> {
        let why = match (self.build.network, &self.build.machine, offered) {
            (true, _, _) | (false, Some(_), true) => return Ok(self),
            (false, None, _) => {
                "a function cannot keep a command from its network; say kind = \"codebuild\" in [machine], where the pipeline allows that, or leave `network` out"
            }
            (false, Some(_), false) => {
                "this pipeline has no containers without a network; deploy it with OfflineBuilds=true (docs/targets.md says what that costs), or leave `network` out"
            }
        };
        Err(ManifestError(format!(
            "[build] network is false, and would not be kept: {why}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Executors;
    use crate::names::Component;

    fn check(more: &str, executors: &str, offered: bool, expected: Option<&str>) {
        let text = format!(
            "[component]\nname='api'\n[run]\ncommand='./x'\nport=8080\n[build]\nunit_tests='true'\ncommand='true'\noutput='dist'\n{more}"
        );
        let manifest = Manifest::parse(&text, &Component::new("api").unwrap()).unwrap();
        let allowed: Executors = executors.parse().unwrap();
        let kept = manifest.settled(&allowed).unwrap();
        let said = kept.kept_from_network(offered).err().map(|error| error.0);
        let fits = match (&said, expected) {
            (Some(said), Some(expected)) => said.contains(expected),
            (said, expected) => said.is_none() && expected.is_none(),
        };
        assert!(fits, "{more:?}: {said:?}");
    }

    #[test]
    fn no_network_is_promised_only_where_there_is_none() {
        const OFF: &str = "network = false\n";
        check("", "lambda", false, None);
        check(OFF, "codebuild", true, None);
        check(OFF, "lambda", true, Some("a function cannot keep"));
        check(OFF, "codebuild", false, Some("OfflineBuilds=true"));
        let function = format!("{OFF}machine = {{ kind = 'lambda' }}\n");
        check(
            &function,
            "codebuild,lambda",
            true,
            Some("a function cannot keep"),
        );
    }
}
