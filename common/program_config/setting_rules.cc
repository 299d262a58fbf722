#include "common/program_config/setting_rules.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/audit/audit_sink.h"
#include "common/config/ports.h"
#include "common/config/toml.h"
#include "common/rpc/address.h"
#include "common/rpc/grants.h"

namespace gitops {
namespace {

absl::Status CheckStore(const Settings& settings) {
  const std::string& store = settings.Get("store");
  if (store.empty()) return absl::OkStatus();
  if (absl::StartsWith(store, "etcd://")) {
    return SettingFault(settings, "store",
                        absl::UnimplementedError("storing state in etcd is not implemented yet; "
                                                 "without it, state is stored in SQLite under "
                                                 "--state-dir"));
  }
  return SettingFault(settings, "store",
                      absl::InvalidArgumentError(
                          "expected etcd://HOST:PORT[,HOST:PORT...]/PREFIX; without it, state is "
                          "stored in SQLite under --state-dir"));
}

absl::Status CheckTls(const Settings& settings) {
  if (settings.Get("tls-dir").empty() || !settings.GetBool("insecure")) return absl::OkStatus();
  return SettingFault(
      settings, "tls-dir",
      absl::InvalidArgumentError(absl::StrCat("it and insecure (from ", settings.Origin("insecure"),
                                              ") contradict each other; leave one out")));
}

absl::Status CheckAudit(const Settings& settings) {
  const std::string& to = settings.Get("audit-to");
  if (!to.empty()) {
    if (absl::Status form = CheckAuditSink(to); !form.ok()) {
      return SettingFault(settings, "audit-to", form);
    }
    if (settings.Get("state-dir").empty()) {
      return SettingFault(settings, "audit-to",
                          absl::InvalidArgumentError(
                              "the audit is sent from where it is stored: give --state-dir too"));
    }
  }
  const int64_t size = settings.GetInt("audit-size");
  if (size >= 1 && size <= 1'000'000) return absl::OkStatus();
  return SettingFault(settings, "audit-size",
                      absl::InvalidArgumentError(absl::StrCat("is ", settings.Get("audit-size"),
                                                              "; it may be 1 to 1000000")));
}

bool IsPlain(const Settings& settings) {
  return settings.Get("tls-dir").empty() && !settings.GetBool("insecure");
}

// `plain`: clients on other machines would be served in plain text.
absl::Status CheckListen(const Settings& settings, absl::string_view name,
                         const std::string& listen, bool plain) {
  const absl::StatusOr<Address> address = ParseAddress(listen);
  if (!address.ok()) return SettingFault(settings, name, address.status());
  if (!plain || address->is_local()) return absl::OkStatus();
  return SettingFault(settings, name,
                      absl::FailedPreconditionError(absl::StrCat(
                          listen,
                          ": refusing to serve other machines in plain text; give --tls-dir, "
                          "listen on a loopback address or a unix socket, or allow it with "
                          "--insecure")));
}

absl::Status CheckAllListen(const Settings& settings, bool plain) {
  std::vector<std::string> listen = settings.GetList("listen");
  if (listen.empty()) listen.emplace_back();  // which is no address
  for (const std::string& each : listen) {
    absl::Status status = CheckListen(settings, "listen", each, plain);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// A server that this program calls; none if the setting is empty.
absl::Status CheckPeer(const Settings& settings, absl::string_view name, int port) {
  const std::string& text = settings.Get(name);
  if (text.empty()) return absl::OkStatus();
  return SettingFault(settings, name, ParseDialled(text, port, !IsPlain(settings)).status());
}

absl::Status CheckAdvertised(const Settings& settings) {
  const std::string& advertise = settings.Get("advertise");
  if (advertise.empty()) return absl::OkStatus();
  const absl::StatusOr<Address> address = ParseAddress(advertise, kAgentPort);
  if (!address.ok()) return SettingFault(settings, "advertise", address.status());
  if (address->is_unix() || address->port != 0) return absl::OkStatus();
  return SettingFault(
      settings, "advertise",
      absl::InvalidArgumentError(absl::StrCat("bad address \"", advertise, "\": it needs a port")));
}

}  // namespace

absl::Status SettingFault(const Settings& settings, absl::string_view name,
                          const absl::Status& status) {
  if (status.ok()) return status;
  const std::string flag = absl::StrCat("--", name);
  const std::string& origin = settings.Origin(name);
  return absl::Status(status.code(),
                      absl::StrCat(origin == flag ? flag : absl::StrCat(origin, ": ", name), ": ",
                                   status.message()));
}

absl::Status CheckServerRules(const Settings& settings) {
  if (absl::Status status = CheckStore(settings); !status.ok()) return status;
  if (absl::Status status = CheckTls(settings); !status.ok()) return status;
  if (absl::Status status = CheckAudit(settings); !status.ok()) return status;
  absl::Status status = CheckAllListen(settings, IsPlain(settings));
  if (!status.ok()) return status;
  return CheckListen(settings, "metrics-listen", settings.Get("metrics-listen"), /*plain=*/false);
}

absl::Status CheckHttpServerRules(const Settings& settings) {
  if (absl::Status status = CheckAudit(settings); !status.ok()) return status;
  if (absl::Status status = CheckAllListen(settings, IsPlain(settings)); !status.ok())
    return status;
  const std::string& metrics = settings.Get("metrics-listen");
  return metrics.empty() ? absl::OkStatus()
                         : CheckListen(settings, "metrics-listen", metrics, /*plain=*/false);
}

absl::Status CheckGrants(const Settings& settings) {
  const absl::Status checked = CheckGrantFile(settings.Get("grants"));
  if (checked.ok() || absl::IsInvalidArgument(checked)) {
    return SettingFault(settings, "grants", checked);
  }
  return SettingFault(settings, "grants", absl::FailedPreconditionError(checked.message()));
}

absl::Status CheckAgentRules(const Settings& settings) {
  if (absl::Status status = CheckAdvertised(settings); !status.ok()) return status;
  return CheckPeer(settings, "planner", kPlannerPort);
}

absl::Status CheckPlannerRules(const Settings& settings) {
  absl::Status status = CheckPeer(settings, "hook-dispatcher", kHookDispatcherPort);
  if (!status.ok()) return status;
  if (const std::string& join = settings.Get("join-listen"); !join.empty()) {
    const absl::StatusOr<Address> address = ParseAddress(join, /*default_port=*/0);
    if (!address.ok()) return SettingFault(settings, "join-listen", address.status());
    if (settings.Get("tls-dir").empty()) {
      return SettingFault(settings, "join-listen",
                          absl::InvalidArgumentError(
                              "hosts that join need to know the planner by its certificate; give "
                              "--tls-dir, too"));
    }
  }
  for (const char* name : {"keep-deployments", "max-parallel-hosts", "report-memory"}) {
    if (settings.GetInt(name) >= 1 && settings.GetInt(name) <= 1'000'000) continue;
    return SettingFault(settings, name,
                        absl::InvalidArgumentError(
                            absl::StrCat("is ", settings.Get(name), "; it may be 1 to 1000000")));
  }
  if (settings.GetDuration("stale-after") > settings.GetDuration("heartbeat")) {
    return absl::OkStatus();
  }
  // The one that somebody set.
  const char* const set = settings.IsSet("stale-after") ? "stale-after" : "heartbeat";
  return SettingFault(
      settings, set,
      absl::InvalidArgumentError(absl::StrCat(
          "stale-after (", settings.Get("stale-after"), ", from ", settings.Origin("stale-after"),
          ") must be longer than heartbeat (", settings.Get("heartbeat"), ", from ",
          settings.Origin("heartbeat"), "), or every agent would be stale between two of them")));
}

absl::Status CheckPromotionReceiverRules(const Settings& settings) {
  return CheckPeer(settings, "planner", kPlannerPort);
}

absl::Status CheckGatewayRules(const Settings& settings) {
  for (const auto& [name, port] : {std::pair("planner", kPlannerPort),
                                   {"promotion-receiver", kPromotionReceiverPort},
                                   {"hook-dispatcher", kHookDispatcherPort},
                                   {"agent", kAgentPort}}) {
    if (absl::Status status = CheckPeer(settings, name, port); !status.ok()) return status;
  }
  return SettingFault(settings, "max-body", ParseBytesText(settings.Get("max-body")).status());
}

}  // namespace gitops
