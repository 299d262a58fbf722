#include "ctl/cli/words.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/text/nearest.h"

namespace gitops::ctl {
namespace {

absl::Status Usage(absl::string_view message) { return absl::InvalidArgumentError(message); }

bool StartsWith(const Words& words, const Words& prefix) {
  return words.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), words.begin());
}

// Whether `verb` is a verb of gitopsctl, not only of gitopperctl.
bool IsOwnVerb(const std::string& verb) {
  return std::any_of(Forms().begin(), Forms().end(),
                     [&](const Form& form) { return !form.alias && form.words[0] == verb; });
}

absl::Status Unavailable(const UnavailableForm& form, const std::string& words) {
  return Usage(absl::StrCat(words, " needs ", form.needs, ", which is not part of this version; ",
                            form.instead));
}

}  // namespace

std::string DidYouMean(const std::string& word, const Words& known) {
  const std::string nearest = Nearest(word, known);
  return nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?");
}

std::string ForeignHint(const std::string& flag) {
  const std::string bare = flag.substr(0, flag.find('='));
  for (const ForeignFlag& foreign : ForeignFlags()) {
    if (bare != foreign.flag) continue;
    return absl::StrCat("; it is a flag of ", foreign.tool, ": here write ", foreign.instead);
  }
  return "";
}

bool TakesNoun(const std::string& verb) {
  return std::any_of(Forms().begin(), Forms().end(), [&](const Form& form) {
    return form.words[0] == verb && form.words.size() == 2;
  });
}

void Lengthen(Words& words) {
  for (const Abbreviation& a : Abbreviations()) {
    if (a.verb.empty() && words[0] == a.shortened) words[0] = a.word;
  }
  if (words.size() < 2) return;
  for (const Abbreviation& a : Abbreviations()) {
    if (a.verb == words[0] && words[1] == a.shortened) {
      words[1] = a.word;
      return;
    }
  }
}

absl::Status RefuseUnavailable(const Words& words, bool with_host) {
  for (const UnavailableForm& form : UnavailableForms()) {
    if (words[0] != form.verb || (with_host && !form.with_host)) continue;
    if (form.noun.empty()) return Unavailable(form, form.verb);
    if (words.size() > 1 && (words[1] == form.noun || words[1] == form.noun + "s")) {
      return Unavailable(form, absl::StrCat(form.verb, " ", words[1]));
    }
  }
  return absl::OkStatus();
}

absl::Status UnknownWords(const Words& words) {
  Words verbs;
  Words nouns;
  const bool own = IsOwnVerb(words[0]);
  for (const Form& form : Forms()) {
    verbs.push_back(form.words[0]);
    const bool shown = own != form.alias;
    if (form.words[0] == words[0] && form.words.size() > 1 && shown) nouns.push_back(form.words[1]);
  }
  if (nouns.empty()) {
    return Usage(absl::StrCat("unknown command ", words[0], DidYouMean(words[0], verbs),
                              "; see gitopsctl help"));
  }
  if (words.size() < 2) {
    return Usage(absl::StrCat(words[0],
                              nouns.size() == 1 ? " needs one more word: " : " needs one of ",
                              absl::StrJoin(nouns, ", ")));
  }
  return Usage(absl::StrCat(words[0], " has no ", words[1], DidYouMean(words[1], nouns),
                            "; it has ", absl::StrJoin(nouns, ", ")));
}

bool Fits(const CommandSpec& spec, size_t arguments) {
  return arguments >= spec.required && (spec.repeats || arguments <= spec.arguments.size());
}

const Form* FindForm(const Words& words, bool with_host) {
  const Form* best = nullptr;
  std::tuple<bool, bool, bool, size_t> best_rank;
  for (const Form& form : Forms()) {
    if (!StartsWith(words, form.words)) continue;
    const CommandSpec& spec = SpecOf(form.command);
    const bool reaches =
        spec.reach == Reach::kNone || (with_host ? AsksHost(spec) : AsksFleet(spec));
    // Without a host, a noun of the fleet is never the name of a service.
    const bool own_noun = reaches && spec.reach == Reach::kFleet && form.words.size() == 2 &&
                          (!form.alias || form.words[0] == "get");
    const bool fits = Fits(spec, words.size() - form.words.size());
    // If nothing fits, the first form wins.
    const std::tuple<bool, bool, bool, size_t> rank = {reaches, own_noun, fits,
                                                       fits ? form.words.size() : 0};
    if (best == nullptr || rank > best_rank) {
      best = &form;
      best_rank = rank;
    }
  }
  return best;
}

}  // namespace gitops::ctl
