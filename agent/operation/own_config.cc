#include "agent/operation/own_config.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

// Describes the first field in which the two differ; empty: none.
std::string Difference(const SecretSpec& own, const v1::SecretFile& asked) {
  const struct {
    const char* field;
    std::string own, asked;
  } fields[] = {
      {"destination", own.destination, asked.destination()},
      {"owner.user", own.owner_user, asked.owner_user()},
      {"owner.group", own.owner_group, asked.owner_group()},
      {"permissions", own.permissions, asked.permissions()},
      {"mk_dirs", own.mk_dirs ? "true" : "false", asked.make_directories() ? "true" : "false"},
  };
  for (const auto& field : fields) {
    if (field.own == field.asked) continue;
    return absl::StrCat(field.field, " is \"", field.own, "\" in this host's own config, \"",
                        field.asked, "\" in the request");
  }
  return "";
}

bool HasCmd(const ChecksSpec& checks, const std::vector<std::string>& cmd) {
  return std::any_of(checks.cmd.begin(), checks.cmd.end(),
                     [&](const CmdCheckSpec& check) { return check.cmd == cmd; });
}

}  // namespace

std::vector<HostSpec> HostsOf(const FleetConfig& config, const std::vector<std::string>& names) {
  std::set<std::string> wanted;
  for (const std::string& name : names) wanted.insert(absl::AsciiStrToLower(name));
  std::vector<HostSpec> hosts;
  for (const HostSpec& host : config.hosts) {
    if (wanted.contains(absl::AsciiStrToLower(host.name))) hosts.push_back(host);
  }
  return hosts;
}

absl::StatusOr<SecretSpec> OwnSecret(const std::vector<HostSpec>& hosts,
                                     const v1::SecretFile& asked, bool by_name) {
  std::string why = "this host's own config has no secret of this name";
  for (const HostSpec& host : hosts) {
    auto own = host.secrets.find(asked.name());
    if (own == host.secrets.end()) continue;
    const std::string difference = by_name ? "" : Difference(own->second, asked);
    if (difference.empty()) return own->second;
    why = difference;
  }
  return MakeError(Reason::kNotInOwnConfig,
                   absl::StrCat("secret \"", asked.name(), "\": ", why,
                                "; agent and planner must read the same fleet config"),
                   {{"secret", asked.name()}});
}

absl::Status CheckIsOwn(const std::vector<HostSpec>& hosts, const v1::RunCheckRequest& request) {
  const std::vector<std::string> cmd(request.cmd().begin(), request.cmd().end());
  const bool before = request.kind() == v1::RunCheckRequest::KIND_PRE_DEPLOY;
  for (const HostSpec& host : hosts) {
    if (HasCmd(before ? host.pre_deploy_checks : host.health_checks, cmd)) return absl::OkStatus();
  }
  return MakeError(Reason::kNotInOwnConfig,
                   absl::StrCat("this host's own config has no ", before ? "pre-deploy" : "health",
                                " check \"", absl::StrJoin(cmd, " "),
                                "\"; agent and planner must read the same fleet config"));
}

}  // namespace gitops
