#include "ctl/cli/candidates.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/plan/vocabulary.h"
#include "ctl/cli/grammar.h"
#include "ctl/cli/host_address.h"
#include "ctl/cli/states.h"

namespace gitops::ctl {
namespace {

using Words = std::vector<std::string>;

const FlagSpec* FindFlag(const std::string& word) {
  for (const FlagSpec& flag : FlagSpecs()) {
    const bool is_short = !flag.short_name.empty() && word == absl::StrCat("-", flag.short_name);
    if (is_short || word == absl::StrCat("--", flag.name)) return &flag;
  }
  return nullptr;
}

// The words before the cursor, split into kinds.
struct Before {
  Words words;
  std::string host;
  std::string planner;
  const FlagSpec* waits = nullptr;  // the flag whose value is being completed
};

Before Read(const Words& line) {
  Before before;
  for (size_t i = 0; i + 1 < line.size(); ++i) {
    const FlagSpec* flag = FindFlag(line[i]);
    if (flag != nullptr && !flag->value.empty()) {
      if (i + 2 == line.size()) before.waits = flag;
      if (flag->name == "planner" && i + 2 < line.size()) before.planner = line[i + 1];
      ++i;
    } else if (absl::string_view value = line[i]; absl::ConsumePrefix(&value, "--planner=")) {
      before.planner = std::string(value);
    } else if (absl::StartsWith(line[i], "@")) {
      if (const auto host = ParseHostAddress(line[i].substr(1)); host.ok()) before.host = *host;
    } else if (!absl::StartsWith(line[i], "-")) {
      before.words.push_back(line[i]);
    }
  }
  return before;
}

// The longest form that the words start with; later words are its arguments.
const Form* FormOf(const Words& words) {
  const Form* best = nullptr;
  for (const Form& form : Forms()) {
    const bool begins = form.words.size() <= words.size() &&
                        std::equal(form.words.begin(), form.words.end(), words.begin());
    if (begins && (best == nullptr || form.words.size() > best->words.size())) best = &form;
  }
  return best;
}

void AddFlags(const Form* form, Words& words) {
  for (const FlagSpec& flag : FlagSpecs()) {
    const bool fits =
        form == nullptr ? flag.group == FlagGroup::kGlobal : TakesFlag(SpecOf(form->command), flag);
    if (fits) words.push_back(absl::StrCat("--", flag.name));
  }
}

// The next word of every form that starts with `words`. Verbs that only gitopperctl has (`state`)
// have aliases only.
void AddFormWords(const Words& words, Words& candidates) {
  for (const Form& form : Forms()) {
    const bool alias_verb = form.words[0] == "state" || form.words[0] == "do";
    if (form.words.size() <= words.size() || (form.alias && (words.empty() || !alias_verb)) ||
        !std::equal(words.begin(), words.end(), form.words.begin())) {
      continue;
    }
    const std::string& next = form.words[words.size()];
    if (std::find(candidates.begin(), candidates.end(), next) == candidates.end()) {
      candidates.push_back(next);
    }
  }
}

void Append(const Words& more, Words& words) {
  words.insert(words.end(), more.begin(), more.end());
}

void AddArguments(const Form& form, const Before& before, Candidates& candidates) {
  const CommandSpec& spec = SpecOf(form.command);
  const size_t place = before.words.size() - form.words.size();
  if (spec.arguments.empty() || (place >= spec.arguments.size() && !spec.repeats)) return;
  switch (spec.arguments[std::min(place, spec.arguments.size() - 1)]) {
    case Argument::kService:
      candidates.names = Candidates::Names::kServices;
      break;
    case Argument::kHash:
      candidates.names = Candidates::Names::kRevisions;
      candidates.words.push_back("previous");
      candidates.service = before.words.back();
      break;
    case Argument::kShell:
      Append({"bash", "zsh", "fish"}, candidates.words);
      break;
    case Argument::kWord:
      AddFormWords({}, candidates.words);
      break;
    case Argument::kHost:
      candidates.names = Candidates::Names::kHosts;
      break;
    case Argument::kDeployment:
      candidates.names = Candidates::Names::kDeployments;
      candidates.words.push_back("last");
      break;
    case Argument::kAction:
      Append(AllActions(), candidates.words);
      break;
    case Argument::kPoint:
      Append(AllHookPoints(), candidates.words);
      break;
    case Argument::kKey:
    case Argument::kPipeline:
    case Argument::kEnvironment:
    case Argument::kRevision:
    case Argument::kPromotion:
    case Argument::kFile:
    case Argument::kCertificate:
      break;
  }
}

void AddValues(const FlagSpec& flag, const Form* form, Candidates& candidates) {
  candidates.words = flag.choices;
  if (flag.name == "state" && form != nullptr) candidates.words = StatesOf(form->command);
  if (flag.name == "role" && form != nullptr && form->command == CommandId::kTokenCreate) {
    candidates.words = {std::begin(kRolesOfPeople), std::end(kRolesOfPeople)};
  }
  if (flag.name == "on" || flag.name == "host") candidates.names = Candidates::Names::kHosts;
  if (flag.name == "service") candidates.names = Candidates::Names::kServices;
  if (flag.name == "tagged" || flag.name == "order-by-tags") {
    candidates.names = Candidates::Names::kTags;
  }
  if (flag.name == "for") candidates.words = {"state=", "sync="};
}

void KeepThoseThatBeginWith(const std::string& prefix, Words& words) {
  words.erase(
      std::remove_if(words.begin(), words.end(),
                     [&](const std::string& word) { return !absl::StartsWith(word, prefix); }),
      words.end());
}

}  // namespace

Candidates FindCandidates(const Words& words) {
  Candidates candidates;
  if (words.empty()) return candidates;
  const std::string& current = words.back();
  const Before before = Read(words);
  candidates.host = before.host;
  candidates.planner = before.planner;
  const Form* form = FormOf(before.words);
  const size_t equals = current.find('=');
  if (before.waits != nullptr) {
    AddValues(*before.waits, form, candidates);
  } else if (absl::StartsWith(current, "-") && equals != std::string::npos) {
    const FlagSpec* flag = FindFlag(current.substr(0, equals));
    if (flag != nullptr) AddValues(*flag, form, candidates);
    candidates.prefix = current.substr(0, equals + 1);
    for (std::string& word : candidates.words) word.insert(0, candidates.prefix);
  } else if (absl::StartsWith(current, "-")) {
    AddFlags(form, candidates.words);
  } else if (absl::StartsWith(current, "@")) {
    if (form == nullptr || AsksHost(SpecOf(form->command))) {
      candidates.names = Candidates::Names::kHosts;
      candidates.prefix = "@";
    }
  } else {
    AddFormWords(before.words, candidates.words);
    if (form != nullptr) AddArguments(*form, before, candidates);
  }
  KeepThoseThatBeginWith(current, candidates.words);
  return candidates;
}

}  // namespace gitops::ctl
