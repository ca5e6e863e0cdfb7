//! Where the audit log is sent to: the ingestion endpoint, the rule and the stream in Azure Monitor.

use url::Url;

use super::azure::endpoint;
use super::tables::ExportTable;
use crate::resource::Problem;

/// Where the audit log is sent to.
/// <https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSettings {
    /// The ingestion endpoint of the rule, or a data collection endpoint: a host of Azure Monitor's
    /// in one of Azure's clouds, or in the local one.
    pub endpoint: Url,
    /// The immutable id of the data collection rule.
    pub rule: String,
    /// The stream that the rule declares.
    pub stream: String,
}

/// What ends the hosts that take logs, in each cloud; the last is the local Azure's.
const DOMAINS: [&str; 4] = [
    "ingest.monitor.azure.com",
    "ingest.monitor.azure.us",
    "ingest.monitor.azure.cn",
    "ingest.monitor.localhost",
];
/// The stream of whoever does not name one.
const STREAM: &str = "Custom-OnestreamAudit_CL";
/// The most characters of a table's name.
const LONGEST_TABLE: usize = 45;

/// What is wrong, and what to do about it.
type Wrong = (String, &'static str);

impl ExportSettings {
    /// What the table says; nothing where something is wrong with it.
    pub(super) fn read(table: &ExportTable) -> (Option<Self>, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut complain = |key: &str, (message, help): Wrong| {
            problems.push(Problem::at(&format!("control.export.{key}"), message).help(help));
        };
        let endpoint = ingestion(&table.endpoint)
            .map_err(|wrong| complain("endpoint", wrong))
            .ok();
        let stream = table.stream.as_deref().unwrap_or(STREAM);
        for (key, wrong) in [
            ("rule", wrong_rule(&table.rule)),
            ("stream", wrong_stream(stream)),
        ] {
            if let Some(wrong) = wrong {
                complain(key, wrong);
            }
        }
        let settings = endpoint
            .filter(|_| problems.is_empty())
            .map(|endpoint| Self {
                endpoint,
                rule: table.rule.clone(),
                stream: stream.to_owned(),
            });
        (settings, problems)
    }
}

fn ingestion(text: &str) -> Result<Url, Wrong> {
    const HELP: &str = "such as https://NAME-1a2b-eastus2.logs.z1.ingest.monitor.azure.com: \
                        `az monitor data-collection rule show --query endpoints.logsIngestion`";
    let url = endpoint(text).map_err(|message| (message, HELP))?;
    let known = |host: &str| {
        DOMAINS.iter().any(|domain| {
            let name = host.strip_suffix(domain);
            name.is_some_and(|name| name.len() > 1 && name.ends_with('.'))
        })
    };
    match url.scheme() == "https" && url.port().is_none() && url.host_str().is_some_and(known) {
        true => Ok(url),
        false => Err((format!("`{text}` takes no logs for Azure Monitor"), HELP)),
    }
}

fn wrong_rule(text: &str) -> Option<Wrong> {
    const HELP: &str = "`dcr-` and 32 hexadecimal digits: \
                        `az monitor data-collection rule show --query immutableId`";
    let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    let id = text.strip_prefix("dcr-");
    let fits = id.is_some_and(|id| id.len() == 32 && id.bytes().all(hex));
    (!fits).then(|| (format!("`{text}` is no immutable id of a rule"), HELP))
}

fn wrong_stream(text: &str) -> Option<Wrong> {
    const HELP: &str = "`Custom-` and letters, digits and `_`, such as Custom-OnestreamAudit_CL";
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits = text.strip_prefix("Custom-").is_some_and(|table| {
        table.len() <= LONGEST_TABLE
            && table.starts_with(|c: char| c.is_ascii_alphabetic())
            && table.chars().all(plain)
    });
    (!fits).then(|| (format!("`{text}` is no custom stream"), HELP))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "dcr-0123456789abcdef0123456789abcdef";

    fn table(endpoint: &str, rule: &str, stream: Option<&str>) -> ExportTable {
        ExportTable {
            endpoint: endpoint.to_owned(),
            rule: rule.to_owned(),
            stream: stream.map(str::to_owned),
        }
    }

    #[test]
    fn logs_go_to_hosts_of_azure_monitor_only() {
        for (endpoint, known) in [
            ("https://a-1b2c.eastus2-1.ingest.monitor.azure.com", true),
            (
                "https://a-1b2c-eastus2.logs.z1.ingest.monitor.azure.us/",
                true,
            ),
            ("https://a.chinaeast2-1.ingest.monitor.azure.cn", true),
            ("https://a.ingest.monitor.localhost", true),
            ("http://a.ingest.monitor.localhost", false),
            ("https://a.ingest.monitor.azure.com:8443", false),
            ("https://ingest.monitor.azure.com", false),
            ("https://.ingest.monitor.azure.com", false),
            ("https://aingest.monitor.azure.com", false),
            ("https://a.ingest.monitor.azure.com.example.org", false),
            ("https://a.ingest.monitor.azure.com@example.org", false),
            ("https://a.ingest.monitor.azure.com/x", false),
            ("a.ingest.monitor.azure.com", false),
        ] {
            let (settings, problems) = ExportSettings::read(&table(endpoint, RULE, None));
            assert_eq!(settings.is_some(), known, "{endpoint}: {problems:?}");
            assert_eq!(problems.len(), usize::from(!known), "{endpoint}");
        }
    }

    #[test]
    fn rules_and_streams_are_told_from_nonsense() {
        let endpoint = "https://a.ingest.monitor.azure.com";
        for rule in [
            "",
            "dcr-",
            "dcr-0",
            &RULE.to_uppercase(),
            &format!("{RULE}0"),
        ] {
            let (settings, problems) = ExportSettings::read(&table(endpoint, rule, None));
            assert!(settings.is_none(), "{rule}");
            assert_eq!(problems[0].path, ["control", "export", "rule"]);
        }
        for stream in [
            "",
            "Custom-",
            "Audit_CL",
            "Custom-1",
            "Custom-a/b",
            "Custom-a-b",
        ] {
            let (settings, problems) = ExportSettings::read(&table(endpoint, RULE, Some(stream)));
            assert!(settings.is_none(), "{stream}");
            assert_eq!(problems[0].path, ["control", "export", "stream"]);
        }
        let (settings, _) = ExportSettings::read(&table(endpoint, RULE, None));
        assert_eq!(settings.expect("good").stream, STREAM);
    }
}
