//! The well-known endpoints of a node: which program listens where, and how it is recognised.

/// A program that may be on this machine.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// The job of its targets.
    pub(super) job: &'static str,
    /// Where it may be, in the order in which they are tried; the first that opens counts.
    pub(super) doors: Vec<Door>,
}

/// A place to knock at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Door {
    pub(super) place: Place,
    /// How it may open, in the order in which they are tried.
    pub(super) keys: &'static [Key],
    /// What is fetched to see who is there.
    pub(super) knock: &'static str,
    /// A text that has to be in the answer.
    pub(super) answer: &'static str,
    /// What is sounded there.
    pub(super) pages: &'static [Page],
}

/// Where a program listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A port on the loopback address.
    Port(u16),
    /// A unix socket, relative to the root.
    Socket(&'static str),
}

/// How a door may open. Files are relative to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// HTTP, to anyone.
    Plain,
    /// TLS with a client certificate; its key is beside it. The name may hold one `*`.
    Certificate { trust: Trust, cert: &'static str },
    /// TLS with a bearer token, which goes to nobody whose certificate is not trusted.
    Token {
        ca: &'static str,
        server_name: Name,
        token: &'static str,
    },
}

/// Whom we show our certificate to. That tells nothing secret, so a server whose certificate
/// nobody signed can be borne.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    Ca(&'static str),
    Anyone,
}

/// The name in the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// This node's host name.
    Node,
    Fixed(&'static str),
}

/// A target at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// A metrics page, with the profiles beside it.
    All(&'static str),
    /// A metrics page alone.
    Metrics(&'static str),
    /// Profiles alone.
    Profiles,
}

const PLAIN: &[Key] = &[Key::Plain];
const METRICS: &str = "/metrics";
const CMDLINE: &str = "/debug/pprof/cmdline";
const EVERYTHING: &[Page] = &[Page::All(METRICS)];

/// kubeadm's certificates, then OpenShift's. etcd's own are for both sides of a connection.
const ETCD_KEYS: &[Key] = &[
    Key::Plain,
    etcd_key(
        KUBEADM_ETCD_CA,
        "etc/kubernetes/pki/etcd/healthcheck-client.crt",
    ),
    etcd_key(
        KUBEADM_ETCD_CA,
        "etc/kubernetes/pki/apiserver-etcd-client.crt",
    ),
    etcd_key(KUBEADM_ETCD_CA, "etc/kubernetes/pki/etcd/server.crt"),
    etcd_key(KUBEADM_ETCD_CA, "etc/kubernetes/pki/etcd/peer.crt"),
    etcd_key(
        OPENSHIFT_ETCD_CA,
        "etc/kubernetes/static-pod-certs/secrets/etcd-all-certs/etcd-peer-*.crt",
    ),
    etcd_key(
        OPENSHIFT_ETCD_CA,
        "etc/kubernetes/static-pod-certs/secrets/etcd-all-certs/etcd-serving-*.crt",
    ),
];
const KUBEADM_ETCD_CA: &str = "etc/kubernetes/pki/etcd/ca.crt";
const OPENSHIFT_ETCD_CA: &str =
    "etc/kubernetes/static-pod-certs/configmaps/etcd-all-bundles/server-ca-bundle.crt";

const fn etcd_key(ca: &'static str, cert: &'static str) -> Key {
    Key::Certificate {
        trust: Trust::Ca(ca),
        cert,
    }
}

/// The API server's own client certificate, or what a pod is given.
const KUBELET_KEYS: &[Key] = &[
    Key::Certificate {
        trust: Trust::Anyone,
        cert: APISERVER_CERT,
    },
    Key::Token {
        ca: POD_CA,
        server_name: Name::Node,
        token: POD_TOKEN,
    },
];
const APISERVER_KEYS: &[Key] = &[
    Key::Certificate {
        trust: Trust::Anyone,
        cert: APISERVER_CERT,
    },
    Key::Token {
        ca: POD_CA,
        server_name: Name::Fixed("kubernetes"),
        token: POD_TOKEN,
    },
];
/// The scheduler and the controller manager sign their certificates themselves.
const CONTROL_PLANE_KEYS: &[Key] = &[Key::Certificate {
    trust: Trust::Anyone,
    cert: APISERVER_CERT,
}];
const APISERVER_CERT: &str = "etc/kubernetes/pki/apiserver-kubelet-client.crt";
const POD_CA: &str = "var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
const POD_TOKEN: &str = "var/run/secrets/kubernetes.io/serviceaccount/token";

/// Every well-known endpoint. The ports are those of the programs' own defaults, of kubeadm and of
/// OpenShift.
pub(super) fn well_known() -> Vec<Endpoint> {
    let mut endpoints = vec![etcd()];
    endpoints.extend(runtimes());
    endpoints.extend(kubernetes());
    endpoints.extend([
        everything("prometheus", 9090, PLAIN, "prometheus_build_info"),
        everything("node-exporter", 9100, PLAIN, "node_exporter_build_info"),
        // The customary port of net/http/pprof; the cluster-etcd-operator's too.
        endpoint(
            "go",
            vec![door(6060, PLAIN, CMDLINE, "", &[Page::Profiles])],
        ),
    ]);
    endpoints
}

/// pprof is on etcd's client URLs; 2381 (kubeadm) and 9978 (OpenShift) have metrics alone, but
/// newer OpenShift serves all HTTP on 2381.
fn etcd() -> Endpoint {
    let answer = "etcd_server_has_leader";
    let doors = [2379, 2381, 9978, 9979].map(|port| Door {
        place: Place::Port(port),
        keys: ETCD_KEYS,
        knock: METRICS,
        answer,
        pages: EVERYTHING,
    });
    endpoint("etcd", doors.into())
}

/// Container runtimes have their metrics on a port and their profiles on a socket.
fn runtimes() -> [Endpoint; 4] {
    let containerd = &[Page::Metrics("/v1/metrics")];
    let crio = |port| door(port, PLAIN, METRICS, "crio_", &[Page::Metrics(METRICS)]);
    [
        endpoint(
            "containerd",
            vec![door(1338, PLAIN, "/v1/metrics", "containerd_", containerd)],
        ),
        endpoint(
            "containerd",
            vec![socket("run/containerd/debug.sock", "containerd")],
        ),
        endpoint("crio", vec![crio(9537), crio(9090)]),
        endpoint("crio", vec![socket("run/crio/crio.sock", "crio")]),
    ]
}

fn kubernetes() -> [Endpoint; 6] {
    let kubelet = &[Page::All(METRICS), Page::Metrics("/metrics/cadvisor")];
    let inner = CONTROL_PLANE_KEYS;
    [
        endpoint(
            "kubelet",
            vec![door(10250, KUBELET_KEYS, METRICS, "kubelet_", kubelet)],
        ),
        everything(
            "kube-apiserver",
            6443,
            APISERVER_KEYS,
            "apiserver_request_total",
        ),
        everything("kube-scheduler", 10259, inner, "scheduler_"),
        everything("kube-controller-manager", 10257, inner, "workqueue_"),
        everything("kube-proxy", 10249, PLAIN, "kubeproxy_"),
        everything("coredns", 9153, PLAIN, "coredns_"),
    ]
}

fn endpoint(job: &'static str, doors: Vec<Door>) -> Endpoint {
    Endpoint { job, doors }
}

fn everything(
    job: &'static str,
    port: u16,
    keys: &'static [Key],
    answer: &'static str,
) -> Endpoint {
    endpoint(job, vec![door(port, keys, METRICS, answer, EVERYTHING)])
}

fn door(
    port: u16,
    keys: &'static [Key],
    knock: &'static str,
    answer: &'static str,
    pages: &'static [Page],
) -> Door {
    Door {
        place: Place::Port(port),
        keys,
        knock,
        answer,
        pages,
    }
}

fn socket(path: &'static str, answer: &'static str) -> Door {
    Door {
        place: Place::Socket(path),
        keys: PLAIN,
        knock: CMDLINE,
        answer,
        pages: &[Page::Profiles],
    }
}
