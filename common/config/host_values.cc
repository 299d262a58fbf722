#include "common/config/host_values.h"

#include "common/config/variables.h"

namespace gitops {

void SetMachine(absl::string_view machine, ChecksSpec& checks) {
  const auto set = [&](std::string& text) { SetVariable(kMachineVariable, machine, text); };
  for (HttpCheckSpec& check : checks.http) {
    for (std::string* text : {&check.description, &check.host, &check.path}) set(*text);
    for (auto& [name, value] : check.headers) set(value);
  }
  for (CmdCheckSpec& check : checks.cmd) {
    set(check.description);
    for (std::string& argument : check.cmd) set(argument);
  }
}

void SetMachine(absl::string_view machine, SecretSpec& secret) {
  const auto set = [&](std::string& text) { SetVariable(kMachineVariable, machine, text); };
  for (std::string* text :
       {&secret.source, &secret.destination, &secret.owner_user, &secret.owner_group}) {
    set(*text);
  }
  for (std::string& argument : secret.action) set(argument);
}

void SetMachine(absl::string_view machine, HostSpec& host) {
  SetMachine(machine, host.health_checks);
  SetMachine(machine, host.pre_deploy_checks);
  for (auto& [name, secret] : host.secrets) SetMachine(machine, secret);
}

}  // namespace gitops
