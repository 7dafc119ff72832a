//! Reading Route 53 itself, from a server that answers as it does.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_route53::{
    Client,
    config::{Credentials, SharedCredentialsProvider},
};
use hickory_proto::rr::RecordType;
use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    Changes,
    records::reply,
    source::{Source, absolute},
};

const API: &str = "/2013-04-01/hostedzone";

/// Each page of each list, by its path and query.
fn page(path: &str) -> Option<String> {
    let zone = |id: &str, name: &str| {
        format!(
            "<HostedZone><Id>/hostedzone/{id}</Id><Name>{name}.</Name>\
             <CallerReference>1</CallerReference></HostedZone>"
        )
    };
    let zones = |zones: &str, next: &str| {
        let truncated = !next.is_empty();
        format!(
            "<ListHostedZonesResponse><HostedZones>{zones}</HostedZones>\
             <IsTruncated>{truncated}</IsTruncated><NextMarker>{next}</NextMarker>\
             <MaxItems>100</MaxItems></ListHostedZonesResponse>"
        )
    };
    let record = |name: &str, kind: &str, value: &str| {
        format!(
            "<ResourceRecordSet><Name>{name}.</Name><Type>{kind}</Type><TTL>1</TTL>\
             <ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord>\
             </ResourceRecords></ResourceRecordSet>"
        )
    };
    let records = |sets: &str, next: &str| {
        let truncated = !next.is_empty();
        format!(
            "<ListResourceRecordSetsResponse><ResourceRecordSets>{sets}</ResourceRecordSets>\
             <IsTruncated>{truncated}</IsTruncated>{next}<MaxItems>300</MaxItems>\
             </ListResourceRecordSetsResponse>"
        )
    };
    let next = "<NextRecordName>ui.stage.test.</NextRecordName><NextRecordType>A</NextRecordType>";
    let path = path.strip_prefix(API)?;
    Some(match path {
        "" => zones(&zone("ZTOP", "test"), "second"),
        "?marker=second" => zones(
            &[
                zone("ZSTAGE", "stage.test"),
                zone("ZDEV", "dev.test"),
                zone("ZPROD", "prod.test"),
            ]
            .concat(),
            "",
        ),
        "/ZTOP/rrset" => records(
            &[
                record("shop.test", "CNAME", "api.stage.test"),
                record("stage.test", "NS", "ns-1.example."),
                record("dev.test", "NS", "ns-1.example."),
            ]
            .concat(),
            "",
        ),
        "/ZSTAGE/rrset" => records(&record("api.stage.test", "CNAME", "ui.stage.test."), next),
        "/ZSTAGE/rrset?name=ui.stage.test.&type=A" => records(
            &[
                record("ui.stage.test", "A", "10.0.0.1"),
                record("msa.stage.test", "CNAME", "msa.dev.test"),
            ]
            .concat(),
            "",
        ),
        "/ZDEV/rrset" => records(&record("msa.dev.test", "A", "10.0.0.2"), ""),
        _ => return None,
    })
}

struct Route53 {
    source: Source,
    asked: Arc<Mutex<Vec<String>>>,
    _server: JoinSet<()>,
}

impl Route53 {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, asked.clone()));
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "nobody", "nothing", None, None, "test",
            )))
            .build();
        Self {
            source: Source::Route53(Client::new(&config), Changes::of("/nonexistent")),
            asked,
            _server: server,
        }
    }

    /// What the zones that are read for a name say to it, and the lists that were read.
    async fn check(&self, name: &str, expected: &str, lists: &[&str]) {
        let name = absolute(name).unwrap();
        let zones = self
            .source
            .zones(std::slice::from_ref(&name))
            .await
            .unwrap();
        let said = reply(&zones, &name, RecordType::A);
        let said: Vec<String> = said.answers.iter().map(|it| it.data.to_string()).collect();
        assert_eq!(said.join(" "), expected);
        let mut asked = self.asked.lock().unwrap().clone();
        asked.retain(|path| path.ends_with("/rrset"));
        // Those of one step are read at the same time.
        asked.sort();
        let mut lists = lists.to_vec();
        lists.sort();
        assert_eq!(asked, lists);
    }
}

async fn serve(listener: TcpListener, asked: Arc<Mutex<Vec<String>>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let asked = asked.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let path = request.uri().to_string();
            let found = page(&path);
            asked
                .lock()
                .unwrap()
                .push(path.trim_start_matches(API).to_owned());
            let status = found
                .as_ref()
                .map_or(StatusCode::NOT_FOUND, |_| StatusCode::OK);
            let response = Response::builder().status(status);
            let response = response.body(found.unwrap_or_default()).unwrap();
            async move { Ok::<_, Infallible>(response) }
        });
        connections.spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // The test sees what did not arrive.
            let _ = connection.await;
        });
    }
}

#[tokio::test]
async fn every_page_of_the_zones_above_a_name_and_of_those_they_lead_to_is_read_and_no_other() {
    let route53 = Route53::start().await;
    route53
        .check(
            "ui.stage.test",
            "10.0.0.1",
            &["/ZTOP/rrset", "/ZSTAGE/rrset", "/ZDEV/rrset"],
        )
        .await;
}

#[tokio::test]
async fn zones_that_a_chain_leads_to_are_read_even_beneath_one_that_was_read() {
    let route53 = Route53::start().await;
    let lists = ["/ZTOP/rrset", "/ZSTAGE/rrset", "/ZDEV/rrset"];
    let chain = "api.stage.test. ui.stage.test. 10.0.0.1";
    route53.check("shop.test", chain, &lists).await;
}

#[tokio::test]
async fn a_name_outside_of_all_zones_reads_none() {
    Route53::start().await.check("www.example", "", &[]).await;
}

#[tokio::test]
async fn a_zone_that_cannot_be_read_is_an_error() {
    let route53 = Route53::start().await;
    let name = absolute("api.prod.test").unwrap();
    let read = route53.source.zones(&[name]).await;
    let error = read.expect_err("the server has no such list").to_string();
    assert!(error.starts_with("Route 53 cannot be read: "), "{error}");
}
