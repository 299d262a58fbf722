#include "services/hook_dispatcher/program/settings.h"

#include <utility>

#include "common/config/toml.h"

namespace gitops {

absl::StatusOr<HookDispatcherConfig> LoadHookDispatcherConfig(Settings flags) {
  const std::string file = flags.Get("config");
  if (file.empty()) {
    return absl::InvalidArgumentError(
        "there is no config file: give --config FILE with the [[hooks]]");
  }
  const absl::StatusOr<std::string> text = ReadConfigText(file);
  if (!text.ok()) return text.status();
  absl::StatusOr<Settings> settings =
      AddFileSettings(HookDispatcherSettings(), "hook-dispatcher", std::move(flags), *text, file);
  absl::StatusOr<std::vector<HookSpec>> hooks = ParseHooks(*text, file);
  if (absl::Status read = BothRead(settings.status(), hooks.status()); !read.ok()) return read;
  // Other programs, which may share the environment, use the store.
  settings->values["store"].value.clear();
  return HookDispatcherConfig{*std::move(settings), *std::move(hooks)};
}

}  // namespace gitops
