#include "ctl/cli/invocation.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ctl/cli/host_address.h"
#include "ctl/cli/raw_flags.h"
#include "ctl/cli/words.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

constexpr char kSeeHelp[] = "; see gitopsctl help";

absl::Status Usage(absl::string_view message) { return absl::InvalidArgumentError(message); }

// Flags that choose hosts of the fleet; they will mean something when there is a planner.
bool IsFleetFlag(absl::string_view name) {
  static const auto& names = *new std::set<std::string, std::less<>>{
      "on", "tagged", "all", "skip", "every", "limit", "order-by-tags"};
  return names.contains(name);
}

absl::Status RefuseUnknownFlags(const RawCommandLine& line) {
  for (const std::string& flag : line.unknown_flags) {
    const std::string name = flag.substr(std::min(flag.find_first_not_of('-'), flag.size()));
    const std::string bare = name.substr(0, name.find('='));
    if (IsFleetFlag(bare)) {
      return Usage(absl::StrCat("--", bare,
                                " chooses hosts through the planner, which is not part "
                                "of this version; name a host with @HOST"));
    }
    Words known;
    for (const FlagSpec& spec : FlagSpecs()) known.push_back(absl::StrCat("--", spec.name));
    return Usage(absl::StrCat("unknown flag ", flag, DidYouMean("--" + bare, known), kSeeHelp));
  }
  return absl::OkStatus();
}

absl::Status CheckArguments(const Form& form, const Words& arguments) {
  const ActionSpec& spec = SpecOf(form.action);
  if (!Fits(spec, arguments.size())) {
    return Usage(absl::StrCat(absl::StrJoin(form.words, " "),
                              arguments.size() < spec.required
                                  ? " needs more than was given"
                                  : absl::StrCat(" does not take ", arguments.back()),
                              "; usage: ", UsageOf(form.action)));
  }
  for (const std::string& argument : arguments) {
    if (argument.empty() || !IsUtf8(argument)) {
      return Usage(absl::StrCat(absl::StrJoin(form.words, " "), ": an argument is ",
                                argument.empty() ? "empty" : "not UTF-8",
                                "; usage: ", UsageOf(form.action)));
    }
  }
  return absl::OkStatus();
}

// As the agent takes it: whole, or its beginning.
bool IsHash(absl::string_view text) {
  return text.size() >= 4 && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

absl::Status CheckHashes(const Form& form, const Words& arguments) {
  const ActionSpec& spec = SpecOf(form.action);
  for (size_t i = 0; i < std::min(arguments.size(), spec.arguments.size()); ++i) {
    if (spec.arguments[i] != Argument::kHash || IsHash(arguments[i])) continue;
    return Usage(absl::StrCat(absl::StrJoin(form.words, " "), ": '", EscapeLine(arguments[i]),
                              "' is not a revision: give its hash, of 4 to 64 hex digits "
                              "(0-9, a-f); usage: ",
                              UsageOf(form.action)));
  }
  return absl::OkStatus();
}

// A flag given on the line must be one of this action's; a variable is for those it concerns.
absl::Status CheckFlags(const ActionSpec& spec, const RawCommandLine& line, Flags& flags) {
  for (const FlagSpec& flag : FlagSpecs()) {
    const auto allowed = [&](const ActionSpec& s) {
      return std::find(s.flags.begin(), s.flags.end(), flag.name) != s.flags.end();
    };
    if (flag.global || allowed(spec)) continue;
    if (flag.name == "reason") flags.reason.clear();
    if (flag.name == "watch") flags.watch = false;
    const auto given = line.flags.find(flag.name);
    if (given == line.flags.end() || !given->second.by_flag) continue;
    Words others;
    for (const ActionSpec& other : ActionSpecs()) {
      if (allowed(other)) others.push_back(NameOf(other.action));
    }
    return Usage(absl::StrCat("--", flag.name, " does not go with ", NameOf(spec.action),
                              "; it goes with ", absl::StrJoin(others, ", ")));
  }
  if (flags.reason.size() > 1000) return Usage("--reason: at most 1,000 bytes are kept");
  if (!IsUtf8(flags.reason)) return Usage("--reason: the text is not UTF-8");
  return absl::OkStatus();
}

absl::StatusOr<std::string> TakeHost(Words& words) {
  std::optional<std::string> host;
  for (const std::string& word : words) {
    if (!absl::StartsWith(word, "@")) continue;
    if (host.has_value()) {
      return Usage(
          absl::StrCat("two hosts are named, @", *host, " and ", word, "; one is possible"));
    }
    host = word.substr(1);
  }
  words.erase(std::remove_if(words.begin(), words.end(),
                             [](const std::string& word) { return absl::StartsWith(word, "@"); }),
              words.end());
  if (!host.has_value()) return "";
  return ParseHostAddress(*host);
}

absl::Status CheckHost(const ActionSpec& spec, const Invocation& invocation) {
  if (!spec.on_host && !invocation.host.empty()) {
    return Usage(absl::StrCat(NameOf(spec.action), " takes no @HOST"));
  }
  if (spec.on_host && invocation.host.empty()) {
    return Usage(absl::StrCat(NameOf(spec.action),
                              " for the whole fleet needs the planner, which "
                              "is not part of this version; name a host with @HOST: ",
                              UsageOf(spec.action)));
  }
  if (spec.on_host && !invocation.flags.tls_dir.empty()) {
    return Usage("--tls-dir: TLS is not part of this version; --insecure allows plain text");
  }
  if (spec.on_host && !invocation.flags.context.empty()) {
    return Usage("--context: stored contexts are not part of this version; name a host with @HOST");
  }
  return absl::OkStatus();
}

// Nothing, or a flag alone.
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
    invocation.action = Action::kVersion;
    return invocation;
  }
  absl::StatusOr<RawCommandLine> line = SplitCommandLine(arguments, environment);
  if (!line.ok()) return line.status();
  absl::StatusOr<std::string> host = TakeHost(line->words);
  if (!host.ok()) return host.status();
  invocation.host = *std::move(host);
  if (!line->words.empty()) {
    Lengthen(line->words);
    const absl::Status status = RefuseUnavailable(line->words, !invocation.host.empty());
    if (!status.ok()) return status;
  }
  absl::StatusOr<Flags> flags = ReadFlags(*line);
  if (!flags.ok()) return flags.status();
  invocation.flags = *std::move(flags);
  if (line->words.empty()) return WithoutWords(*line, std::move(invocation));

  const Form* form = FindForm(line->words);
  if (form == nullptr) {
    if (invocation.flags.help && TakesNoun(line->words[0])) {
      invocation.arguments = line->words;
      return invocation;
    }
    return UnknownWords(line->words);
  }
  if (absl::Status status = RefuseUnknownFlags(*line); !status.ok()) return status;
  invocation.arguments.assign(line->words.begin() + form->words.size(), line->words.end());
  if (invocation.flags.help) {
    invocation.arguments = {NameOf(form->action)};
    invocation.action = Action::kHelp;
    return invocation;
  }
  invocation.action = form->action;
  const ActionSpec& spec = SpecOf(form->action);
  for (const absl::Status& status :
       {CheckArguments(*form, invocation.arguments), CheckHashes(*form, invocation.arguments),
        CheckFlags(spec, *line, invocation.flags), CheckHost(spec, invocation)}) {
    if (!status.ok()) return status;
  }
  return invocation;
}

std::string Describe(const Invocation& invocation) {
  std::string text = NameOf(invocation.action);
  if (SpecOf(invocation.action).required > 0) {
    absl::StrAppend(&text, " ", EscapeLine(invocation.arguments[0]));
  }
  if (!invocation.host.empty()) absl::StrAppend(&text, " on ", invocation.host);
  return text;
}

}  // namespace gitops::ctl
