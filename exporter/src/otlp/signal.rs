//! What is sent: one service each in gRPC, one path each in HTTP.

use super::Protocol;

/// An OTLP signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Signal {
    Metrics,
    Profiles,
    Traces,
    Logs,
}

impl Signal {
    /// Its name in logs and metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Profiles => "profiles",
            Self::Traces => "traces",
            Self::Logs => "logs",
        }
    }

    /// Path of the gRPC method, or behind the endpoint's (OTLP specification, "OTLP/HTTP Request").
    pub(super) fn path(self, protocol: Protocol) -> &'static str {
        match protocol {
            Protocol::Grpc => self.grpc_path(),
            Protocol::HttpProtobuf => self.http_path(),
        }
    }

    pub(super) fn grpc_path(self) -> &'static str {
        match self {
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Profiles => {
                "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
            }
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }

    pub(super) fn http_path(self) -> &'static str {
        match self {
            Self::Metrics => "/v1/metrics",
            Self::Profiles => "/v1development/profiles",
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
        }
    }
}
