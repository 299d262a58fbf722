#include "agent/git/git_commands.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace gitops {

MirrorPaths::MirrorPaths(const std::string& directory)
    : directory(directory),
      repository(absl::StrCat(directory, "/repository.git")),
      config(absl::StrCat(directory, "/gitconfig")),
      home(absl::StrCat(directory, "/home")) {}

Command GitCommands::Local(const Account& account, std::vector<std::string> arguments) const {
  return Build(account, paths_.repository, {}, std::move(arguments));
}

Command GitCommands::Outside(const Account& account, std::vector<std::string> arguments) const {
  // A directory that is never there: without one named, git would look for one around itself.
  return Build(account, paths_.directory + "/none", {}, std::move(arguments));
}

Command GitCommands::Remote(const Account& account, std::vector<std::string> arguments) const {
  // Said here and not in the mirror's configuration, so that no other command ever takes a missing
  // object for a reason to go to the network.
  return Build(
      account, paths_.repository,
      {"-c", "remote.origin.promisor=true", "-c", "remote.origin.partialclonefilter=blob:none"},
      std::move(arguments));
}

Command GitCommands::Build(const Account& account, const std::string& repository,
                           std::vector<std::string> options,
                           std::vector<std::string> arguments) const {
  Command command;
  command.argv = {"git", absl::StrCat("--git-dir=", repository)};
  for (std::string& option : options) command.argv.push_back(std::move(option));
  for (std::string& argument : arguments) command.argv.push_back(std::move(argument));
  command.environment = {
      {"LC_ALL", "C"},
      {"HOME", paths_.home},
      {"GIT_CONFIG_NOSYSTEM", "1"},
      {"GIT_CONFIG_GLOBAL", paths_.config},
      {"GIT_ATTR_NOSYSTEM", "1"},
      {"GIT_ALLOW_PROTOCOL", scheme_},
      {"GIT_PROTOCOL_FROM_USER", "0"},
      {"GIT_TERMINAL_PROMPT", "0"},
      {"GIT_ASKPASS", "/bin/false"},
      {"SSH_ASKPASS", "/bin/false"},
      {"SSH_ASKPASS_REQUIRE", "never"},
      {"GIT_SSH_COMMAND", ssh_command_},
      {"GIT_SSH_VARIANT", "ssh"},
      {"GIT_OPTIONAL_LOCKS", "0"},
      {"GIT_NO_REPLACE_OBJECTS", "1"},
      {"GIT_NO_LAZY_FETCH", "1"},
      {"GIT_LITERAL_PATHSPECS", "1"},
  };
  command.user = account.name;
  return command;
}

}  // namespace gitops
