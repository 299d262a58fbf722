#include "agent/operation/secret_actions.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/operation/command_output.h"
#include "agent/operation/own_config.h"
#include "agent/operation/secret_file.h"
#include "common/log/secret.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr size_t kLongestOutput = 2 << 10;  // of one command that failed

// The secrets that the request names, by name.
absl::StatusOr<std::map<std::string, SecretSpec>> OwnSecrets(
    const v1::PerformActionRequest& request, const std::vector<HostSpec>& hosts, bool by_name) {
  std::map<std::string, SecretSpec> secrets;
  for (const v1::SecretFile& asked : request.secrets()) {
    absl::StatusOr<SecretSpec> own = OwnSecret(hosts, asked, by_name);
    if (!own.ok()) return own.status();
    secrets.emplace(asked.name(), *std::move(own));
  }
  return secrets;
}

ActionOutcome Finish(const std::vector<std::string>& done, const std::vector<std::string>& failed) {
  if (failed.empty()) return ActionOutcome::Done(absl::StrJoin(done, "\n"));
  return ActionOutcome::Of(absl::InternalError(absl::StrJoin(failed, "; ")));
}

// The output of a failed command, for the end of a message.
std::string WhatItSaid(const CommandOutput& output, const CommandResult& result,
                       const std::vector<HostSpec>& hosts) {
  const std::string said = output.End(result.error_output, hosts, kLongestOutput);
  const absl::string_view text = absl::StripAsciiWhitespace(said);
  return text.empty() ? "" : absl::StrCat(": ", said.size() < kLongestOutput ? "" : "…", text);
}

}  // namespace

absl::Status CheckUploads(const v1::PerformActionRequest& request,
                          const std::vector<HostSpec>& hosts) {
  return OwnSecrets(request, hosts, /*by_name=*/false).status();
}

absl::Status CheckTriggers(const v1::PerformActionRequest& request,
                           const std::vector<HostSpec>& hosts) {
  return OwnSecrets(request, hosts, /*by_name=*/true).status();
}

ActionOutcome UploadSecrets(const v1::PerformActionRequest& request,
                            const std::vector<HostSpec>& hosts) {
  auto own = OwnSecrets(request, hosts, /*by_name=*/false);
  if (!own.ok()) return ActionOutcome::Of(own.status());
  std::vector<std::string> done;
  std::vector<std::string> failed;
  for (const v1::SecretFile& secret : request.secrets()) {
    const absl::Status written = WriteSecretFile({.destination = secret.destination(),
                                                  .owner_user = secret.owner_user(),
                                                  .owner_group = secret.owner_group(),
                                                  .permissions = secret.permissions(),
                                                  .make_directories = secret.make_directories()},
                                                 Secret(secret.content()));
    if (written.ok()) {
      done.push_back(absl::StrCat(secret.name(), ": written to ", secret.destination()));
    } else {
      failed.push_back(absl::StrCat("secret \"", secret.name(), "\": ", written.message()));
    }
  }
  if (done.empty() && failed.empty()) done.push_back("no secrets");
  return Finish(done, failed);
}

ActionOutcome RunSecretTriggers(const v1::PerformActionRequest& request,
                                const std::vector<HostSpec>& hosts, ProcessRunner& runner,
                                bool again) {
  if (again) {
    return ActionOutcome::Of(MakeError(
        Reason::kOperationInterrupted,
        "the agent stopped while the secrets' commands were running, so it is not known whether "
        "all of them ran; check their effects, and request run-secret-triggers again"));
  }
  auto own = OwnSecrets(request, hosts, /*by_name=*/true);
  if (!own.ok()) return ActionOutcome::Of(own.status());
  std::vector<std::vector<std::string>> commands;
  for (const auto& [name, secret] : *own) {
    const bool known = std::find(commands.begin(), commands.end(), secret.action) != commands.end();
    if (!secret.action.empty() && !known) commands.push_back(secret.action);
  }
  std::vector<std::string> done;
  std::vector<std::string> failed;
  for (const std::vector<std::string>& argv : commands) {
    const std::string shown = absl::StrJoin(argv, " ");
    CommandOutput output;
    Command command;
    command.argv = argv;
    command.on_output = output.Keeper();
    command.max_output = std::numeric_limits<int64_t>::max();
    const absl::StatusOr<CommandResult> result = runner.Run(command);
    if (absl::IsCancelled(result.status())) return ActionOutcome::Of(result.status());
    if (!result.ok()) {
      failed.push_back(absl::StrCat(shown, ": ", result.status().message()));
    } else if (result->ok()) {
      done.push_back(absl::StrCat(shown, ": done"));
    } else {
      failed.push_back(absl::StrCat(shown, ": exit status ", result->exit_status,
                                    WhatItSaid(output, *result, hosts)));
    }
  }
  if (commands.empty()) done.push_back("no secret has a command to run");
  return Finish(done, failed);
}

}  // namespace gitops
