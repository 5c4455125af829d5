//! How causes are recognised.

use super::*;

fn cause(name: &str, functions: &[&str]) -> Cause {
    Cause {
        name: name.to_owned(),
        functions: functions.iter().map(|name| Function::new(name)).collect(),
        with: Vec::new(),
        kinds: Vec::new(),
        components: Vec::new(),
        cause: "It is so.".to_owned(),
        remedy: String::new(),
        references: Vec::new(),
        suppressed: false,
    }
}

fn names(causes: &Causes, functions: &[&str], kind: &str, component: Option<&str>) -> Vec<String> {
    let stack = Stack {
        functions,
        kind,
        component,
    };
    let found = causes.of(stack).into_iter();
    found.map(|cause| cause.name.clone()).collect()
}

#[test]
fn all_parts_have_to_be_on_the_stack() {
    let both = Cause {
        with: vec![Function::new("KeyValue.Unmarshal")],
        ..cause("lists", &["rangeKeys"])
    };
    let causes = Causes::new(vec![both]);
    let range = "go.etcd.io/etcd/mvcc.(*storeTxnRead).rangeKeys";
    let unmarshal = "go.etcd.io/etcd/mvcc/mvccpb.(*KeyValue).Unmarshal";
    assert_eq!(
        names(&causes, &[range, unmarshal], "memory", None),
        ["lists"]
    );
    assert_eq!(names(&causes, &[range], "memory", None), [""; 0]);
    assert_eq!(names(&causes, &[unmarshal], "memory", None), [""; 0]);
    assert_eq!(names(&causes, &[], "memory", None), [""; 0]);
}

#[test]
fn kinds_and_programs_have_to_fit() {
    let one = Cause {
        kinds: vec!["goroutine".to_owned()],
        components: vec!["kubelet".to_owned()],
        ..cause("pleg", &["relist"])
    };
    let causes = Causes::new(vec![one]);
    let stack = ["k8s.io/kubernetes/pkg/kubelet/pleg.(*GenericPLEG).relist"];
    assert_eq!(
        names(&causes, &stack, "goroutine", Some("kubelet")),
        ["pleg"]
    );
    assert_eq!(names(&causes, &stack, "goroutine", None), ["pleg"]);
    assert_eq!(names(&causes, &stack, "process_cpu", None), [""; 0]);
    assert_eq!(names(&causes, &stack, "goroutine", Some("etcd")), [""; 0]);
}

#[test]
fn the_first_of_several_is_the_likeliest_and_idle_stacks_mean_nothing() {
    let idle = Cause {
        suppressed: true,
        ..cause("idle", &["runtime.findRunnable"])
    };
    let causes = Causes::new(vec![cause("one", &["f"]), idle, cause("two", &["g", "f"])]);
    assert_eq!(
        names(&causes, &["main.f", "main.g"], "x", None),
        ["one", "two"]
    );
    let idle = ["runtime.schedule", "runtime.findRunnable", "main.f"];
    assert_eq!(names(&causes, &idle, "x", None), [""; 0]);
    let stack = |functions| Stack {
        functions,
        kind: "x",
        component: None,
    };
    assert!(causes.is_suppressed(stack(&idle)));
    assert!(!causes.is_suppressed(stack(&["main.f"])));
}

#[test]
fn a_cause_has_functions_and_a_text() {
    assert_eq!(cause("good", &["f"]).check(), []);
    let keys = |cause: Cause| -> Vec<_> { cause.check().iter().map(|error| error.key).collect() };
    assert_eq!(keys(cause("A", &["f"])), ["name"]);
    assert_eq!(keys(cause("none", &[])), ["functions"]);
    assert_eq!(keys(cause("empty", &["(*)"])), ["functions"]);
    let mute = Cause {
        cause: " ".to_owned(),
        references: vec!["etcd".to_owned()],
        ..cause("mute", &["f"])
    };
    assert_eq!(keys(mute), ["cause", "references"]);
}
