//! The running local cloud, as `.local/env` describes it, and what it holds.

use crate::program::{LIMIT, Said, program, program_within};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Clients of the local cloud.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// The checkout.
    pub root: PathBuf,
    variables: BTreeMap<String, String>,
    pub steps: aws_sdk_sfn::Client,
    pub machines: aws_sdk_ec2::Client,
    pub zones: aws_sdk_route53::Client,
    pub rows: aws_sdk_dynamodb::Client,
    pub objects: aws_sdk_s3::Client,
    pub stacks: aws_sdk_cloudformation::Client,
    pub tags: aws_sdk_resourcegroupstagging::Client,
}

/// What the table says is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    pub commit: String,
    pub hostname: String,
    pub instances: Vec<String>,
    pub release: String,
    pub previous: Option<String>,
}

impl Cloud {
    /// Panics with what to do when the local cloud is not up.
    pub async fn up() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("tests/ is in the checkout")
            .to_owned();
        let Ok(text) = std::fs::read_to_string(root.join(".local/env")) else {
            panic!("the local cloud is not up: run `make up` first (or `make test`, which does)");
        };
        let variables: BTreeMap<String, String> = text.lines().filter_map(exported).collect();
        let config = config(&variables).await;
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(true)
            .build();
        Self {
            root,
            variables,
            steps: aws_sdk_sfn::Client::new(&config),
            machines: aws_sdk_ec2::Client::new(&config),
            zones: aws_sdk_route53::Client::new(&config),
            rows: aws_sdk_dynamodb::Client::new(&config),
            objects: aws_sdk_s3::Client::from_conf(s3),
            stacks: aws_sdk_cloudformation::Client::new(&config),
            tags: aws_sdk_resourcegroupstagging::Client::new(&config),
        }
    }

    /// The same for a pipeline of another project on this local cloud.
    pub fn of_project(&self, project: &str) -> Self {
        let mut other = self.clone();
        let own = format!("{}-cutover", self.variable("CUTOVER_PROJECT"));
        let bucket = self
            .variable("CUTOVER_BUCKET")
            .replace(&own, &format!("{project}-cutover"));
        let values = [
            ("CUTOVER_PROJECT", project.to_owned()),
            // Below the first one's, which is what the gateway answers for.
            (
                "CUTOVER_DOMAIN",
                format!("{project}.{}", self.variable("CUTOVER_DOMAIN")),
            ),
            ("CUTOVER_TABLE", format!("{project}-cutover")),
            ("CUTOVER_BUCKET", bucket),
        ];
        other
            .variables
            .extend(values.map(|(name, value)| (name.to_owned(), value)));
        other
    }

    /// Makes `infra/deploy-local.sh` look again at what is deployed.
    pub fn forget_deployed(&self, what: &str) {
        let mark = self.root.join(format!(".local/deployed-{what}"));
        std::fs::remove_file(mark).ok();
    }

    /// A variable of `.local/env`.
    pub fn variable(&self, name: &str) -> &str {
        self.variables
            .get(name)
            .unwrap_or_else(|| panic!(".local/env does not set {name}: run `make down up`"))
    }

    /// `stage.myproj.localhost`
    pub fn domain(&self, target: &str) -> String {
        format!("{target}.{}", self.variable("CUTOVER_DOMAIN"))
    }

    /// The id of the zone in which a target's zone is delegated: the domain's own, or the nearest above.
    pub async fn parent_zone(&self) -> String {
        let domain = self.variable("CUTOVER_DOMAIN");
        let asked = self.zones.list_hosted_zones().into_paginator().items();
        let mut zones = asked.send();
        let mut nearest: Option<(usize, String)> = None;
        while let Some(zone) = zones.next().await {
            let zone = zone.expect("zones can be listed");
            let name = zone.name().trim_end_matches('.');
            let above = domain == name || domain.ends_with(&format!(".{name}"));
            if above
                && nearest
                    .as_ref()
                    .is_none_or(|(length, _)| name.len() > *length)
            {
                let id = zone.id().trim_start_matches("/hostedzone/");
                nearest = Some((name.len(), id.to_owned()));
            }
        }
        let (_, id) = nearest.unwrap_or_else(|| panic!("no zone is above {domain}: run make up"));
        id
    }

    /// The environment that `. .local/env` gives a shell, without its PATH.
    pub fn environment(&self) -> Vec<(String, String)> {
        let own = |name: &&String| name.as_str() != "PATH";
        self.variables
            .keys()
            .filter(own)
            .map(|name| (name.clone(), self.variables[name].clone()))
            .collect()
    }

    /// The aws cli of the local cloud.
    pub fn aws_cli(&self) -> PathBuf {
        self.root.join(".local/aws/aws")
    }

    /// Runs the aws cli as the administrator.
    pub async fn aws(&self, arguments: &[&str]) -> Said {
        program(&self.aws_cli(), arguments, &self.root, &self.environment()).await
    }

    /// Calls a function as the state machine does; its answer or its error.
    pub async fn call(&self, function: &str, payload: &Value) -> Value {
        let folder = tempfile::tempdir().expect("a folder");
        let [asked, answered] = ["asked", "answered"].map(|name| folder.path().join(name));
        std::fs::write(&asked, payload.to_string()).expect("the payload is written");
        let name = format!("{}-{function}", self.variable("CUTOVER_PROJECT"));
        let payload = format!("fileb://{}", asked.display());
        let answer = answered.display().to_string();
        let call = ["lambda", "invoke", "--function-name", &name, "--payload"];
        self.aws(&[&call[..], &[&payload, &answer]].concat())
            .await
            .good("lambda invoke");
        let text = std::fs::read_to_string(&answered).expect("an answer");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Runs a script of the checkout, or a program, with the aws cli on its PATH as after `. .local/env`.
    pub async fn script(&self, script: &str, arguments: &[&str]) -> Said {
        self.script_within(LIMIT, script, arguments).await
    }

    /// The same for one that takes its time.
    pub async fn script_within(&self, limit: Duration, script: &str, arguments: &[&str]) -> Said {
        let mut environment = self.environment();
        let path = std::env::var("PATH").unwrap_or_default();
        let tools = ["aws", "venv/bin"].map(|name| self.root.join(".local").join(name));
        let [aws, venv] = tools.each_ref().map(|folder| folder.display());
        environment.push(("PATH".into(), format!("{aws}:{venv}:{path}")));
        program_within(
            limit,
            Path::new(script),
            arguments,
            &self.root,
            &environment,
        )
        .await
    }

    /// Runs the `cutover` command.
    pub async fn cutover(&self, arguments: &[&str]) -> Said {
        self.cutover_in(&self.root, arguments).await
    }

    /// Runs the `cutover` command in a folder.
    pub async fn cutover_in(&self, folder: &Path, arguments: &[&str]) -> Said {
        let cutover = self.root.join("target/debug/cutover");
        program(&cutover, arguments, folder, &self.environment()).await
    }

    /// A text in the bucket.
    pub async fn object(&self, key: &str) -> Option<String> {
        let got = self
            .objects
            .get_object()
            .bucket(self.variable("CUTOVER_BUCKET"))
            .key(key)
            .send()
            .await
            .ok()?;
        let bytes = got
            .body
            .collect()
            .await
            .expect("the object ends")
            .into_bytes();
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What `s3://bucket/key` holds.
    pub async fn at(&self, url: &str) -> Option<String> {
        self.object(url.strip_prefix(&format!("s3://{}/", self.variable("CUTOVER_BUCKET")))?)
            .await
    }

    /// The keys below a prefix.
    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = self
            .objects
            .list_objects_v2()
            .bucket(self.variable("CUTOVER_BUCKET"))
            .prefix(prefix)
            .send()
            .await;
        let listed = listed.expect("the bucket can be listed");
        listed
            .contents()
            .iter()
            .filter_map(|object| object.key())
            .map(str::to_owned)
            .collect()
    }

    /// ARNs of all that has this tag.
    pub async fn tagged(&self, key: &str, value: &str) -> Vec<String> {
        let filter = aws_sdk_resourcegroupstagging::types::TagFilter::builder()
            .key(key)
            .values(value)
            .build();
        let asked = self.tags.get_resources().tag_filters(filter);
        let mut pages = asked.into_paginator().items().send();
        let mut arns = Vec::new();
        while let Some(one) = pages.next().await {
            let one = one.expect("resources can be found by tag");
            arns.extend(one.resource_arn().map(str::to_owned));
        }
        arns
    }

    /// Deletes a small bucket with all versions of all that is in it.
    pub async fn delete_bucket(&self, bucket: &str) {
        let listed = self.objects.list_object_versions().bucket(bucket).send();
        let listed = listed.await.expect("the versions can be listed");
        let versions = listed
            .versions()
            .iter()
            .map(|one| (one.key(), one.version_id()));
        let marks = listed
            .delete_markers()
            .iter()
            .map(|one| (one.key(), one.version_id()));
        for (key, version) in versions.chain(marks) {
            let delete = self.objects.delete_object().bucket(bucket);
            let delete = delete
                .set_key(key.map(str::to_owned))
                .set_version_id(version.map(str::to_owned));
            delete.send().await.expect("a version can be deleted");
        }
        let delete = self.objects.delete_bucket().bucket(bucket).send();
        delete.await.expect("an empty bucket goes");
    }

    /// A row of the table as JSON.
    pub async fn row(&self, pk: &str, sk: &str) -> Option<Value> {
        let key = |text: &str| AttributeValue::S(text.to_owned());
        let got = self
            .rows
            .get_item()
            .table_name(self.variable("CUTOVER_TABLE"))
            .key("pk", key(pk))
            .key("sk", key(sk));
        let item = got
            .consistent_read(true)
            .send()
            .await
            .expect("the table can be read")
            .item?;
        Some(Value::Object(
            item.iter()
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect(),
        ))
    }

    /// The row of the release that an execution of this name is.
    pub async fn release_of(&self, target: &str, execution: &str) -> Option<Value> {
        let pk = format!("target#{target}");
        let pointer = self.row(&pk, &format!("execution#{execution}")).await?;
        let ticket = pointer["ticket"].as_u64().expect("a ticket");
        self.row(&pk, &format!("release#{ticket:08}")).await
    }

    /// The rows of a partition whose sort keys begin like that, in their order, as JSON.
    pub async fn rows_of(&self, pk: &str, prefix: &str) -> Vec<Value> {
        let key = |text: &str| AttributeValue::S(text.to_owned());
        let asked = self
            .rows
            .query()
            .table_name(self.variable("CUTOVER_TABLE"))
            .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
            .expression_attribute_values(":pk", key(pk))
            .expression_attribute_values(":sk", key(prefix))
            .consistent_read(true);
        let mut items = asked.into_paginator().items().send();
        let mut rows = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.expect("the table can be read");
            rows.push(plain(&AttributeValue::M(item)));
        }
        rows
    }

    /// What the table says is live of a component.
    pub async fn live(&self, target: &str, component: &str) -> Option<Live> {
        let row = self
            .row(&format!("target#{target}"), &format!("alias#{component}"))
            .await?;
        let text = |value: &Value| value.as_str().expect("a text in the alias row").to_owned();
        Some(Live {
            commit: text(&row["commit"]),
            hostname: text(&row["hostname"]),
            instances: row["instances"]
                .as_array()
                .expect("instances")
                .iter()
                .map(|one| text(&one["id"]))
                .collect(),
            release: text(&row["release"]),
            previous: row.pointer("/previous/commit").map(text),
        })
    }
}

async fn config(variables: &BTreeMap<String, String>) -> SdkConfig {
    let value = |name: &str| {
        variables
            .get(name)
            .unwrap_or_else(|| panic!(".local/env does not set {name}"))
            .clone()
    };
    let keys = Credentials::new(
        value("AWS_ACCESS_KEY_ID"),
        value("AWS_SECRET_ACCESS_KEY"),
        None,
        None,
        "local",
    );
    let client = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(value("AWS_REGION")))
        .endpoint_url(value("AWS_ENDPOINT_URL"))
        .credentials_provider(keys)
        .http_client(client)
        .load()
        .await
}

/// `export NAME='value'`, as `.local/env` writes it.
fn exported(line: &str) -> Option<(String, String)> {
    let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
    Some((
        name.to_owned(),
        value.trim_matches('\'').replace(r"'\''", "'"),
    ))
}

fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::N(number) => number.parse().map(Value::Number).expect("a number"),
        AttributeValue::Bool(flag) => Value::Bool(*flag),
        AttributeValue::L(list) => list.iter().map(plain).collect(),
        AttributeValue::M(map) => Value::Object(
            map.iter()
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect(),
        ),
        _ => Value::Null,
    }
}
