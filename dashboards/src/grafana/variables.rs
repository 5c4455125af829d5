//! What one chooses above the panels, and the page of leadsman on which the same is chosen.

use super::boards::Choice;
use super::model::{Asked, Chosen, DataSource, PROMETHEUS, PYROSCOPE, Variable};

/// Where leadsman's pages are unless one says otherwise: see `web.listen`.
const PAGES: &str = "http://127.0.0.1:7171";

/// The variables of a dashboard, in the order in which each depends on those before it.
pub(super) fn of(choice: Choice) -> Vec<Variable> {
    let mut variables = vec![source("prometheus", "Prometheus", PROMETHEUS)];
    match choice {
        Choice::Targets(metrics) => {
            let series = format!(r#"__name__=~"{}""#, metrics.join("|"));
            variables.push(many(
                "job",
                "Job",
                format!("label_values({{{series}}}, job)"),
            ));
            let of_job = format!(r#"label_values({{{series},job=~"$job"}}, instance)"#);
            variables.push(many("instance", "Instance", of_job));
        }
        Choice::Services => {
            variables.push(source("pyroscope", "leadsman", PYROSCOPE));
            variables.push(service());
            // The service of a profile is the job of its target.
            let jobs =
                r#"label_values({__name__=~"leadsman_signal_profile_.+",job="$service"}, job)"#;
            variables.push(one("job", "Job of its signals", jobs.to_owned()));
            let instances =
                r#"label_values({__name__=~"leadsman_signal_profile_.+",job=~"$job"}, instance)"#;
            variables.push(many("instance", "Instance", instances.to_owned()));
        }
        Choice::Signals => {
            let signals = "label_values(leadsman_baseline_score, signal)".to_owned();
            variables.push(one("signal", "Signal", signals));
            let jobs = r#"label_values(leadsman_baseline_score{signal="$signal"}, job)"#;
            variables.push(many("job", "Job", jobs.to_owned()));
            let instances =
                r#"label_values(leadsman_baseline_score{signal="$signal",job=~"$job"}, instance)"#;
            variables.push(many("instance", "Instance", instances.to_owned()));
        }
        Choice::Leadsmen => {
            let jobs = "label_values(leadsman_build_info, job)".to_owned();
            variables.push(many("job", "Job", jobs));
            let instances = r#"label_values(leadsman_build_info{job=~"$job"}, instance)"#;
            variables.push(many("instance", "Instance", instances.to_owned()));
        }
    }
    variables.push(Variable {
        kind: "textbox",
        query: Asked::Text(PAGES.to_owned()),
        ..blank("leadsman", "Address of leadsman")
    });
    variables
}

/// The page of leadsman that shows what was chosen.
pub(super) fn page(choice: Choice) -> String {
    let path = match choice {
        Choice::Targets(_) => {
            r#"/signals?query={job=~"${job:regex}",instance=~"${instance:regex}"}&"#
        }
        Choice::Services => r#"/profiles?query={service_name="${service}"}&"#,
        Choice::Signals => "/findings?",
        Choice::Leadsmen => "/targets?",
    };
    format!("${{leadsman}}{path}from=${{__from}}&to=${{__to}}")
}

fn blank(name: &'static str, label: &'static str) -> Variable {
    Variable {
        kind: "query",
        name,
        label,
        query: Asked::Text(String::new()),
        datasource: None,
        current: None,
        multi: false,
        include_all: false,
        all_value: None,
        refresh: None,
        sort: None,
    }
}

/// Which data source of a kind.
fn source(name: &'static str, label: &'static str, of: DataSource) -> Variable {
    Variable {
        kind: "datasource",
        query: Asked::Text(of.kind.to_owned()),
        ..blank(name, label)
    }
}

fn one(name: &'static str, label: &'static str, query: String) -> Variable {
    Variable {
        query: Asked::Text(query),
        datasource: Some(PROMETHEUS),
        refresh: Some(2),
        sort: Some(1),
        ..blank(name, label)
    }
}

fn many(name: &'static str, label: &'static str, query: String) -> Variable {
    Variable {
        multi: true,
        include_all: true,
        all_value: Some(".*"),
        current: Some(Chosen {
            selected: true,
            text: "All",
            value: "$__all",
        }),
        ..one(name, label, query)
    }
}

fn service() -> Variable {
    Variable {
        query: Asked::Label {
            kind: "labelValue",
            label_name: "service_name",
            profile_type_id: "process_cpu:cpu:nanoseconds:cpu:nanoseconds",
            ref_id: "service",
        },
        datasource: Some(PYROSCOPE),
        refresh: Some(2),
        sort: Some(1),
        ..blank("service", "Service")
    }
}
