#include "ctl/cli/invocation.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/ports.h"
#include "common/rpc/address.h"
#include "ctl/cli/checks.h"
#include "ctl/cli/host_address.h"
#include "ctl/cli/raw_flags.h"
#include "ctl/cli/read_flags.h"
#include "ctl/cli/words.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

constexpr char kSeeHelp[] = "; see gitopsctl help";

absl::Status Usage(absl::string_view message) { return absl::InvalidArgumentError(message); }

absl::Status RefuseUnknownFlags(const RawCommandLine& line) {
  for (const std::string& flag : line.unknown_flags) {
    const std::string name = flag.substr(std::min(flag.find_first_not_of('-'), flag.size()));
    const std::string bare = name.substr(0, name.find('='));
    Words known;
    for (const char* nix : {"system", "job-uri", "stream"}) {
      if (bare != nix || !absl::StartsWith(flag, "--")) continue;
      return Usage(absl::StrCat("--", nix,
                                " names a Nix system to push, and Nix actions are not part of this "
                                "version; use sync for services that follow Git"));
    }
    for (const FlagSpec& spec : FlagSpecs()) known.push_back(absl::StrCat("--", spec.name));
    return Usage(absl::StrCat("unknown flag ", flag, DidYouMean("--" + bare, known), kSeeHelp));
  }
  return absl::OkStatus();
}

// Before the words are looked at: the value of such a flag may stand among them.
absl::Status RefuseForeignFlags(const RawCommandLine& line) {
  for (const std::string& flag : line.unknown_flags) {
    if (const std::string hint = ForeignHint(flag); !hint.empty()) {
      return Usage(absl::StrCat("unknown flag ", flag, hint));
    }
  }
  return absl::OkStatus();
}

// The text after the @; nothing without an @HOST.
absl::StatusOr<std::optional<std::string>> TakeHost(Words& words) {
  std::optional<std::string> host;
  for (const std::string& word : words) {
    if (!absl::StartsWith(word, "@")) continue;
    if (host.has_value()) {
      return Usage(absl::StrCat("two hosts are given, @", *host, " and ", word, "; give one"));
    }
    host = word.substr(1);
  }
  words.erase(std::remove_if(words.begin(), words.end(),
                             [](const std::string& word) { return absl::StartsWith(word, "@"); }),
              words.end());
  return host;
}

// No arguments, or only a flag.
absl::StatusOr<Invocation> WithoutWords(const RawCommandLine& line, Invocation invocation) {
  if (absl::Status status = RefuseUnknownFlags(line); !status.ok()) return status;
  if (invocation.flags.help) return invocation;
  return Usage(absl::StrCat("no command was given", kSeeHelp));
}

}  // namespace

absl::StatusOr<Invocation> ParseInvocation(const std::vector<std::string>& arguments,
                                           const Environment& environment) {
  Invocation invocation;
  if (arguments.size() == 1 && arguments[0] == "--version") {
    invocation.command = CommandId::kVersion;
    return invocation;
  }
  absl::StatusOr<RawCommandLine> line = SplitCommandLine(arguments, environment);
  if (!line.ok()) return line.status();
  if (absl::Status status = RefuseForeignFlags(*line); !status.ok()) return status;
  const absl::StatusOr<std::optional<std::string>> host = TakeHost(line->words);
  if (!host.ok()) return host.status();
  if (host->has_value()) {
    absl::StatusOr<std::string> address = ParseHostAddress(**host);
    if (!address.ok()) return address.status();
    invocation.host = *std::move(address);
    invocation.named_host = IsHostName(**host);
  }
  if (!line->words.empty()) {
    Lengthen(line->words);
    const absl::Status status = RefuseUnavailable(line->words, !invocation.host.empty());
    if (!status.ok()) return status;
  }
  absl::StatusOr<Flags> flags = ReadFlags(*line);
  if (!flags.ok()) return flags.status();
  invocation.flags = *std::move(flags);
  if (line->words.empty()) return WithoutWords(*line, std::move(invocation));

  const Form* form = FindForm(line->words, !invocation.host.empty());
  if (form == nullptr) {
    if (invocation.flags.help && TakesNoun(line->words[0])) {
      invocation.arguments = line->words;
      return invocation;
    }
    return UnknownWords(line->words);
  }
  if (absl::Status status = RefuseUnknownFlags(*line); !status.ok()) return status;
  invocation.arguments.assign(line->words.begin() + std::ssize(form->words), line->words.end());
  if (invocation.flags.help) {
    invocation.arguments = {NameOf(form->command)};
    invocation.command = CommandId::kHelp;
    return invocation;
  }
  invocation.command = form->command;
  const CommandSpec& spec = SpecOf(form->command);
  const absl::Status checked = CheckAll(*form, *line, invocation);
  if (!checked.ok()) return checked;
  // A wait for ever is no use to a script.
  constexpr absl::Duration kWait = absl::Minutes(5);
  if (spec.command == CommandId::kWaitService && !invocation.flags.timeout.has_value()) {
    invocation.flags.timeout = kWait;
  }
  if (spec.plans) {
    for (const std::string& action : invocation.arguments) {
      invocation.flags.spec.add_actions(action);
    }
  }
  return invocation;
}

std::string HostName(const Invocation& invocation) {
  const absl::StatusOr<Address> address = ParseAddress(invocation.host, kAgentPort);
  if (!address.ok() || address->is_unix() || address->port != kAgentPort) return "";
  return address->host;
}

bool SelectsOneHost(const v1::Selection& selection) {
  return selection.on_size() == 1 && selection.on(0).find_first_of("*?[]{}\\") == std::string::npos;
}

bool Narrows(const v1::Selection& selection) {
  return selection.on_size() > 0 || selection.tagged_size() > 0 || selection.skip() > 0 ||
         selection.every() > 1 || selection.limit() > 0;
}

bool AsksReceiver(const Invocation& invocation) {
  const CommandSpec& spec = SpecOf(invocation.command);
  return spec.reach == Reach::kPromotions ||
         (spec.command == CommandId::kRemoveRecord && !invocation.arguments.empty() &&
          absl::StartsWith(invocation.arguments[0], "promotion-receiver/"));
}

std::string ServerOf(const Invocation& invocation) {
  const CommandSpec& spec = SpecOf(invocation.command);
  const std::string& gateway = invocation.flags.gateway;
  if (AsksReceiver(invocation) || invocation.flags.program == "promotion-receiver") {
    if (!gateway.empty()) return gateway;
    const std::string& given = invocation.flags.promotion_receiver;
    return given.empty() ? DefaultPromotionReceiver() : given;
  }
  if (!invocation.host.empty() || !AsksFleet(spec)) return "";
  if (invocation.flags.program == "hook-dispatcher" && invocation.flags.hook_dispatcher.empty()) {
    return Loopback(kHookDispatcherPort);
  }
  const bool may_be_dispatcher =
      std::find(spec.flags.begin(), spec.flags.end(), "hook-dispatcher") != spec.flags.end();
  if (may_be_dispatcher && !invocation.flags.hook_dispatcher.empty()) {
    return invocation.flags.hook_dispatcher;
  }
  if (!gateway.empty()) return gateway;
  return invocation.flags.planner.empty() ? DefaultPlanner() : invocation.flags.planner;
}

std::string Describe(const Invocation& invocation) {
  std::string text = NameOf(invocation.command);
  if (SpecOf(invocation.command).required > 0) {
    absl::StrAppend(&text, " ", EscapeLine(invocation.arguments[0]));
  }
  if (!invocation.host.empty()) {
    absl::StrAppend(&text, " on ", invocation.host);
    const std::string& gateway = invocation.flags.gateway;
    if (!gateway.empty()) absl::StrAppend(&text, " through ", EscapeLine(gateway));
  } else if (const std::string server = ServerOf(invocation); !server.empty()) {
    absl::StrAppend(&text, " through ", EscapeLine(server));
  }
  return text;
}

}  // namespace gitops::ctl
