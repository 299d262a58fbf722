#include "services/promotion_receiver/pipeline/promotion_rules.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/git/url.h"
#include "common/plan/vocabulary.h"

namespace gitops {
namespace {

using google::protobuf::util::TimeUtil;

constexpr absl::Duration kMostSoak = absl::Hours(24 * 90);
constexpr absl::Duration kMostPause = absl::Hours(24 * 7);
constexpr int kMostHosts = 100'000;
constexpr size_t kLongestName = 253;
const std::vector<std::string>& Days() {
  static const auto& days =
      *new std::vector<std::string>{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  return days;
}

// "09:00"; "24:00" is the end of the day.
std::optional<absl::Duration> ReadTimeOfDay(const YamlMap& window, absl::string_view key) {
  const std::optional<std::string> text = window.Text(key);
  if (!text.has_value()) return std::nullopt;
  const absl::string_view view = *text;
  int hours = 0, minutes = 0;
  const bool formed = view.size() == 5 && view[2] == ':' &&
                      std::all_of(view.begin(), view.end(), [](unsigned char c) {
                        return c == ':' || absl::ascii_isdigit(c);
                      });
  if (formed && absl::SimpleAtoi(view.substr(0, 2), &hours) &&
      absl::SimpleAtoi(view.substr(3), &minutes) && minutes < 60 && hours * 60 + minutes <= 1440) {
    return absl::Hours(hours) + absl::Minutes(minutes);
  }
  window.Fault(key, absl::StrCat("\"", view, "\" is not a time as \"09:00\""));
  return std::nullopt;
}

void ReadZone(const YamlMap& map, Window& window) {
  const std::optional<std::string> name = map.Text("timezone");
  if (!name.has_value()) return;
  // The library takes paths of files as names too.
  const bool plain = absl::ascii_isalpha(static_cast<unsigned char>(name->front())) &&
                     std::all_of(name->begin(), name->end(), [](unsigned char c) {
                       return absl::ascii_isalnum(c) ||
                              absl::StrContains("_+-/", std::string(1, static_cast<char>(c)));
                     });
  if (!plain || !absl::LoadTimeZone(*name, &window.zone)) {
    map.Fault("timezone", absl::StrCat("\"", *name,
                                       "\" is not a known time zone; write it as in the tz "
                                       "database, for example Europe/Amsterdam"));
    return;
  }
  window.zone_name = *name;
}

Window ReadWindow(const YamlMap& map) {
  Window window;
  for (const std::string& day : map.Strings("days")) {
    const auto found = std::find(Days().begin(), Days().end(), day);
    if (found == Days().end()) {
      map.Fault("days",
                absl::StrCat("\"", day, "\" is not one of Mon, Tue, Wed, Thu, Fri, Sat, Sun"));
    } else {
      window.days.push_back(static_cast<int>(found - Days().begin()));
    }
  }
  if (map.Has("days") && window.days.empty()) map.Fault("days", "it names no day");
  window.from = ReadTimeOfDay(map, "from").value_or(absl::ZeroDuration());
  window.to = ReadTimeOfDay(map, "to").value_or(absl::Hours(24));
  ReadZone(map, window);
  return window;
}

std::vector<Window> ReadWindows(const YamlMap& promotion) {
  std::vector<Window> windows;
  for (const YamlMap& map : promotion.Maps("windows")) windows.push_back(ReadWindow(map));
  if (windows.size() > 100) promotion.Fault("windows", "there are more than 100 windows");
  return windows;
}

PullRequestStrategy ReadPullRequest(const YamlMap& map) {
  using Provider = PullRequestStrategy::Provider;
  PullRequestStrategy strategy;
  const std::vector<std::pair<std::string, Provider>> providers = {
      {"github", Provider::kGithub},
      {"gitlab", Provider::kGitlab},
      {"bitbucket-server", Provider::kBitbucketServer},
      {"azure-devops", Provider::kAzureDevops},
      {"gitea", Provider::kGitea}};
  std::vector<std::string> names;
  for (const auto& [name, provider] : providers) names.push_back(name);
  if (!map.Has("type"))
    map.Fault("type", "is missing: github, gitlab, bitbucket-server, azure-devops or gitea");
  const std::optional<std::string> type = map.Choice("type", names);
  for (const auto& [name, provider] : providers) {
    if (type == name) strategy.provider = provider;
  }
  if (!map.Has("url")) map.Fault("url", "is missing: the repository, as git clones it");
  if (const std::optional<std::string> url = map.Text("url")) {
    if (absl::Status status = CheckUpstreamUrl(*url); !status.ok())
      map.Fault("url", status.message());
    strategy.url = *url;
  }
  strategy.base_branch = map.Text("baseBranch").value_or("main");
  if (strategy.base_branch.front() == '-') map.Fault("baseBranch", "it begins with a dash");
  return strategy;
}

// "10" or "25%".
std::optional<std::string> ReadAmount(const YamlMap& map, absl::string_view key) {
  std::optional<std::string> text = map.TextOrInt(key);
  if (!text.has_value()) return std::nullopt;
  absl::string_view digits = *text;
  const bool percent = absl::ConsumeSuffix(&digits, "%");
  int64_t number = 0;
  if (!absl::SimpleAtoi(digits, &number) || number < 0 || number > (percent ? 100 : kMostHosts) ||
      !absl::ascii_isdigit(static_cast<unsigned char>(digits.front()))) {
    map.Fault(key, absl::StrCat("\"", *text, "\" is neither a number of hosts nor a percentage"));
  }
  return text;
}

RolloutStrategy ReadRollout(const YamlMap& map) {
  RolloutStrategy strategy;
  strategy.actions = map.Strings("actions");
  if (strategy.actions.empty()) strategy.actions = {"sync"};
  if (absl::Status known = CheckActions(strategy.actions); !known.ok()) {
    map.Fault("actions", known.message());
  }
  v1::Rollout& rollout = strategy.rollout;
  rollout.set_canary(static_cast<int>(map.Int("canary", 0, kMostHosts).value_or(0)));
  rollout.set_max_parallel(static_cast<int>(map.Int("maxParallel", 0, kMostHosts).value_or(0)));
  if (const auto batch = ReadAmount(map, "batch")) rollout.set_batch(*batch);
  if (const auto failures = ReadAmount(map, "maxFailures")) rollout.set_max_failures(*failures);
  if (const auto pause = map.Duration("pauseBetween", kMostPause)) {
    *rollout.mutable_pause_between() =
        TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(*pause));
  }
  const auto on_failure = map.Choice("onFailure", {"stop", "continue", "rollback"});
  if (on_failure == "stop") rollout.set_on_failure(v1::Rollout::ON_FAILURE_STOP);
  if (on_failure == "continue") rollout.set_on_failure(v1::Rollout::ON_FAILURE_CONTINUE);
  if (on_failure == "rollback") rollout.set_on_failure(v1::Rollout::ON_FAILURE_ROLLBACK);
  rollout.set_catch_up(map.Bool("catchUp").value_or(false));
  if (const auto limit = map.Duration("catchUpTimeout", kMostPause)) {
    *rollout.mutable_catch_up_timeout() =
        TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(*limit));
  }
  return strategy;
}

// `map` is `strategy` or, in the first versions of Weave's files, `promotion` itself.
void ReadStrategy(const YamlMap& map, GivenRules& rules) {
  int given = 0;
  if (const auto pull_request = map.Map("pull-request")) {
    ++given;
    rules.strategy = ReadPullRequest(*pull_request);
    rules.git_secret = ReadSecretRef(*pull_request);
  }
  if (const auto notification = map.Map("notification")) {
    ++given;
    rules.strategy = NotificationStrategy{.sinks = notification->Strings("sinks")};
  }
  if (const auto rollout = map.Map("rollout")) {
    ++given;
    rules.strategy = ReadRollout(*rollout);
  }
  if (given > 1) map.Fault("", "there is more than one strategy; give one");
  if (auto secret = ReadSecretRef(map)) rules.secret = std::move(secret);
}

}  // namespace

void CheckObjectName(const YamlMap& map, absl::string_view key, absl::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '.';
  });
  if (plain && name.size() <= kLongestName &&
      absl::ascii_isalnum(static_cast<unsigned char>(name.front())) &&
      absl::ascii_isalnum(static_cast<unsigned char>(name.back()))) {
    return;
  }
  map.Fault(key, absl::StrCat("\"", name,
                              "\" is not a name: lower case letters, digits, '-' and "
                              "'.', at most ",
                              kLongestName, " characters"));
}

std::optional<std::string> ReadSecretRef(const YamlMap& map) {
  const std::optional<YamlMap> reference = map.Map("secretRef");
  if (!reference.has_value()) return std::nullopt;
  if (!reference->Has("name")) reference->Fault("name", "is missing: the secret's name");
  std::optional<std::string> name = reference->Text("name");
  if (name.has_value()) CheckObjectName(*reference, "name", *name);
  return name;
}

GivenRules ReadRules(const YamlMap& promotion) {
  GivenRules rules;
  rules.manual = promotion.Bool("manual");
  if (const auto strategy = promotion.Map("strategy")) {
    ReadStrategy(*strategy, rules);
  } else {
    ReadStrategy(promotion, rules);
  }
  rules.soak = promotion.Duration("soak", kMostSoak);
  if (promotion.Has("windows")) rules.windows = ReadWindows(promotion);
  return rules;
}

PromotionRules MergeRules(const GivenRules& own, const GivenRules& pipeline) {
  PromotionRules rules;
  rules.manual = own.manual.value_or(pipeline.manual.value_or(false));
  // Credentials belong to the strategy for which they are given.
  const GivenRules& strategy = own.strategy.has_value() ? own : pipeline;
  rules.strategy = strategy.strategy;
  const std::string secret = own.secret.value_or(pipeline.secret.value_or(""));
  rules.secret = strategy.git_secret.value_or(secret);
  rules.soak = own.soak.value_or(pipeline.soak.value_or(absl::ZeroDuration()));
  rules.windows = own.windows.value_or(pipeline.windows.value_or(std::vector<Window>()));
  return rules;
}

}  // namespace gitops
