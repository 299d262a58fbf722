#include "ctl/cli/read_flags.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/config/duration.h"
#include "ctl/cli/flag_reader.h"

namespace gitops::ctl {
namespace {

// The first status that is not OK.
absl::Status FirstOf(std::initializer_list<absl::Status> results) {
  for (const absl::Status& status : results) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// An empty value is most likely an unset shell variable, and it must not mean "all". Only a reason
// may be empty.
absl::Status RefuseEmptyValues(const RawCommandLine& line) {
  for (const auto& [name, value] : line.flags) {
    const bool empty = std::find(value.all.begin(), value.all.end(), "") != value.all.end();
    if (!empty || name == "reason") continue;
    return absl::InvalidArgumentError(
        absl::StrCat(value.origin, ": the value is empty; give one, or omit ", value.origin));
  }
  return absl::OkStatus();
}

// ansible's --limit takes host patterns.
absl::Status ReadLimit(const FlagReader& reader, v1::Selection& selection) {
  const absl::Status status = reader.Count("limit", 1, [&](int n) { selection.set_limit(n); });
  const bool pattern = reader.Text("limit").find_first_of("*?[{,") != std::string::npos;
  if (status.ok() || !pattern) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(status.message(), "; --on GLOB selects hosts by name"));
}

// "state=OK", "sync=CURRENT", in any case.
absl::Status ReadWanted(const FlagReader& reader, Flags::Wanted& wanted) {
  absl::Status status;
  reader.Words("for", [&](const std::string& condition) {
    const std::string value = absl::AsciiStrToUpper(condition.substr(condition.find('=') + 1));
    if (absl::StartsWith(condition, "state=")) {
      wanted.states.push_back(value);
    } else if (absl::StartsWith(condition, "sync=")) {
      wanted.syncs.push_back(value);
    } else {
      status = absl::InvalidArgumentError(absl::StrCat(
          "--for: '", condition, "' is not a condition: write state=STATE or sync=STATUS"));
    }
  });
  return status;
}

absl::Status ReadSelection(const FlagReader& reader, v1::Selection& selection) {
  bool all = false;
  reader.Words("on", [&](const std::string& glob) { selection.add_on(glob); });
  absl::Status status = FirstOf({
      reader.List("tagged", [&](const std::string& tag) { selection.add_tagged(tag); }),
      reader.List("order-by-tags",
                  [&](const std::string& tag) { selection.add_order_by_tags(tag); }),
      reader.Count("skip", 0, [&](int n) { selection.set_skip(n); }),
      reader.Count("every", 0, [&](int n) { selection.set_every(n); }),
      ReadLimit(reader, selection),
      reader.Bool("all", all),
  });
  selection.set_all(all);
  return status;
}

absl::Status ReadRollout(const FlagReader& reader, v1::Rollout& rollout) {
  std::optional<int> on_failure;
  bool catch_up = false;
  absl::Status status = FirstOf({
      reader.Count("canary", 0, [&](int n) { rollout.set_canary(n); }),
      reader.Amount("batch", 1, [&](const std::string& text) { rollout.set_batch(text); }),
      reader.Count("max-parallel", 1, [&](int n) { rollout.set_max_parallel(n); }),
      reader.Amount("max-failures", 0,
                    [&](const std::string& text) { rollout.set_max_failures(text); }),
      reader.Duration("pause-between", [&] { return rollout.mutable_pause_between(); }),
      reader.Choice("on-failure", on_failure),
      reader.Bool("catch-up", catch_up),
      reader.Duration("catch-up-timeout", [&] { return rollout.mutable_catch_up_timeout(); }),
  });
  // The choices are in the order of the enum, which starts with "unspecified".
  if (on_failure.has_value()) {
    rollout.set_on_failure(static_cast<v1::Rollout::OnFailure>(*on_failure + 1));
  }
  rollout.set_catch_up(catch_up);
  return status;
}

absl::Status ReadSpec(const FlagReader& reader, v1::DeploymentSpec& spec) {
  bool skip_health_checks = false;
  bool skip_pre_deploy_checks = false;
  bool ignore_hook_errors = false;
  bool allow_empty = false;
  absl::Status status = FirstOf({
      ReadSelection(reader, *spec.mutable_selection()),
      ReadRollout(reader, *spec.mutable_rollout()),
      reader.Bool("skip-health-checks", skip_health_checks),
      reader.Bool("skip-pre-deploy-checks", skip_pre_deploy_checks),
      reader.Bool("ignore-hook-errors", ignore_hook_errors),
      reader.Bool("allow-empty", allow_empty),
      reader.Duration("health-timeout", [&] { return spec.mutable_health_timeout(); }),
      reader.Duration("reboot-timeout", [&] { return spec.mutable_reboot_timeout(); }),
  });
  spec.set_skip_health_checks(skip_health_checks);
  spec.set_skip_pre_deploy_checks(skip_pre_deploy_checks);
  spec.set_ignore_hook_errors(ignore_hook_errors);
  spec.set_allow_empty(allow_empty);
  if (std::string service = reader.Text("service"); !service.empty()) spec.set_service(service);
  if (std::string revision = reader.Text("revision"); !revision.empty()) {
    spec.set_revision(revision);
  }
  return status;
}

// "90d", or a duration as elsewhere.
absl::Status ReadLifetime(absl::string_view text, absl::Duration& lifetime) {
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<absl::Duration> read = ParseWithDays(text);
  if (!read.ok() || *read <= absl::ZeroDuration() || *read > absl::Hours(24) * 36500) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--expires: '", text, "' is not a time of at most 100 years: write 90d or 12h"));
  }
  lifetime = *read;
  return absl::OkStatus();
}

// --columns, --sort, --no-headers, --state.
absl::Status ReadList(const FlagReader& reader, Flags& flags) {
  flags.sort = reader.Text("sort");
  return FirstOf({
      reader.List("columns", [&](const std::string& name) { flags.columns.push_back(name); }),
      reader.Bool("no-headers", flags.no_headers),
      reader.List(
          "state",
          [&](const std::string& state) {
            flags.states.push_back(absl::AsciiStrToUpper(absl::StrReplaceAll(state, {{"-", "_"}})));
          }),
  });
}

absl::Status ReadFilter(const FlagReader& reader, v1::DeploymentFilter& filter) {
  absl::Status status = FirstOf({
      reader.Time("since", [&] { return filter.mutable_since(); }),
      reader.Time("until", [&] { return filter.mutable_until(); }),
  });
  if (std::string host = reader.Text("host"); !host.empty()) filter.set_host(host);
  if (std::string actor = reader.Text("actor"); !actor.empty()) filter.set_actor(actor);
  if (std::string service = reader.Text("service"); !service.empty()) filter.set_service(service);
  return status;
}

absl::Status ReadPromotionFlags(const FlagReader& reader, Flags& flags) {
  std::optional<int> api;
  std::optional<int> role;
  absl::Status status = FirstOf({
      // The choices are in the order of the enum, which starts with "unspecified".
      reader.Choices("promotion-state",
                     [&](int place) {
                       flags.promotions.add_states(static_cast<v1::PromotionState>(place + 1));
                     }),
      reader.Time("since", [&] { return flags.promotions.mutable_since(); }),
      reader.Time("until", [&] { return flags.promotions.mutable_until(); }),
      reader.Bool("force", flags.force),
      reader.Bool("flux-manifests", flags.flux_manifests),
      reader.Choice("flux-api", api),
      reader.Choice("role", role),
      ReadLifetime(reader.Text("expires"), flags.token_lifetime),
  });
  if (api.has_value()) flags.flux_api = reader.Text("flux-api");
  flags.promotion_receiver = reader.Text("promotion-receiver");
  flags.gateway = reader.Text("gateway");
  flags.flux_address = reader.Text("address");
  if (std::string config = reader.Text("config"); !config.empty()) flags.config = config;
  flags.token_name = reader.Text("name");
  flags.token_role = reader.Text("role");
  return status;
}

absl::Status ReadAuthority(const FlagReader& reader, Flags::Authority& authority) {
  authority.directory = reader.Text("dir");
  reader.Words("dns", [&](const std::string& name) { authority.dns_names.push_back(name); });
  reader.Words("ip", [&](const std::string& address) { authority.addresses.push_back(address); });
  reader.Words("host", [&](const std::string& host) { authority.hosts.push_back(host); });
  return FirstOf({
      reader.Bool("revoke", authority.revoke),
      reader.Count("days", 1, [&](int days) { authority.days = days; }),
      reader.Bool("keep-key", authority.keep_key),
      reader.Bool("rotate", authority.rotate),
  });
}

}  // namespace

absl::StatusOr<Flags> ReadFlags(const RawCommandLine& line) {
  const FlagReader reader(line);
  Flags flags;
  std::optional<int> result;
  std::optional<int> program;
  absl::Status status = FirstOf({
      RefuseEmptyValues(line),
      reader.Choice("output", flags.output),
      reader.Choice("color", flags.color),
      reader.Duration("timeout", flags.timeout),
      reader.Bool("insecure", flags.insecure),
      reader.Bool("watch", flags.watch),
      reader.Bool("yes", flags.yes),
      reader.Bool("help", flags.help),
      reader.Bool("detach", flags.detach),
      reader.Bool("no-wait", flags.no_wait),
      reader.Choice("result", result),
      ReadSpec(reader, flags.spec),
      ReadList(reader, flags),
      ReadFilter(reader, flags.filter),
      ReadPromotionFlags(reader, flags),
      ReadAuthority(reader, flags.authority),
      ReadWanted(reader, flags.wanted),
      reader.Bool("diff", flags.diff),
      reader.Bool("refused", flags.refused),
      reader.Choice("program", program),
  });
  if (!status.ok()) return status;
  // The choices are in the order of the enum, which starts with "unspecified".
  if (result.has_value()) flags.hook_result = static_cast<v1::StepResult>(*result + 1);
  flags.program = reader.Text("program");
  flags.plan_token = reader.Text("plan");
  flags.hook_dispatcher = reader.Text("hook-dispatcher");
  flags.reason = reader.Text("reason");
  flags.tls_dir = reader.Text("tls-dir");
  flags.planner = reader.Text("planner");
  flags.to = reader.Text("to");
  flags.out_file = reader.Text("out");
  flags.context = reader.Text("context");
  return flags;
}

}  // namespace gitops::ctl
