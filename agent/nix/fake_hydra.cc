#include "agent/nix/fake_hydra.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

using nlohmann::json;

constexpr int64_t kPage = 20;

HttpServerResponse Json(const json& value) {
  return {.status = 200, .body = value.dump(), .content_type = "application/json", .headers = {}};
}

HttpServerResponse Redirect(int status, const std::string& url) {
  return {.status = status, .body = "", .content_type = "", .headers = {{"Location", url}}};
}

HttpServerResponse NotFound(const std::string& what) {
  HttpServerResponse response = Json({{"error", what}});
  response.status = 404;
  return response;
}

int64_t ToNumber(absl::string_view text) {
  int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

}  // namespace

FakeHydra::FakeHydra() {
  HttpServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.idle_timeout = absl::Minutes(5);
  options.routes = {{.method = "GET",
                     .path = "/{path=**}",
                     .handler = RespondWith(
                         [this](const HttpServerRequest& request) { return Serve(request); })}};
  absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(std::move(options));
  if (!server.ok()) {
    std::fprintf(stderr, "no server for a test: %s\n", server.status().ToString().c_str());
    std::abort();
  }
  server_ = *std::move(server);
  url_ = absl::StrCat("http://", server_->addresses()[0]);
}

int64_t FakeHydra::Evaluate(const std::vector<Build>& builds) {
  MutexLock lock(mutex_);
  const int64_t evaluation = static_cast<int64_t>(evaluations_.size()) + 1;
  std::vector<int64_t>& ids = evaluations_[evaluation];
  for (const Build& build : builds) {
    const auto same = std::find_if(builds_.begin(), builds_.end(), [&](const auto& entry) {
      return entry.second.build.job == build.job && entry.second.build.path == build.path;
    });
    const int64_t id =
        same != builds_.end() ? same->first : static_cast<int64_t>(builds_.size()) + 101;
    Stored& stored = builds_.try_emplace(id, Stored{id, build, {}}).first->second;
    stored.evaluations.push_back(evaluation);
    ids.push_back(id);
  }
  return evaluation;
}

void FakeHydra::Finish(int64_t id, int status) {
  MutexLock lock(mutex_);
  builds_.at(id).build.status = status;
}

void FakeHydra::SetErrors(const std::string& text) {
  MutexLock lock(mutex_);
  errors_ = text;
}

void FakeHydra::RequireLogin(const std::string& user, const std::string& password) {
  MutexLock lock(mutex_);
  authorization_ = absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(user, ":", password)));
}

void FakeHydra::RenamedFrom(const std::string& jobset) {
  MutexLock lock(mutex_);
  former_name_ = jobset;
}

void FakeHydra::Answer(const std::string& path, HttpServerResponse response) {
  MutexLock lock(mutex_);
  answers_[path] = std::move(response);
}

std::vector<std::string> FakeHydra::targets() const {
  MutexLock lock(mutex_);
  return targets_;
}

int FakeHydra::CountOf(const std::string& target) const {
  MutexLock lock(mutex_);
  return static_cast<int>(std::count(targets_.begin(), targets_.end(), target));
}

size_t FakeHydra::connections() const {
  MutexLock lock(mutex_);
  return ports_.size();
}

HttpServerResponse FakeHydra::Serve(const HttpServerRequest& request) {
  MutexLock lock(mutex_);
  targets_.push_back(request.target);
  ports_.insert(request.peer.port);
  if (const auto answer = answers_.find(request.path); answer != answers_.end()) {
    return answer->second;
  }
  HttpServerResponse response;
  if (!authorization_.empty() && request.Header("Authorization") != authorization_) {
    response = Json({{"error", "Authentication required"}});
    response.status = 401;
  } else {
    response = Page(request);
  }
  if (response.status / 100 != 3 &&
      !absl::StrContains(request.Header("Accept"), "application/json")) {
    response.body = "<!DOCTYPE html><html><body>Hydra</body></html>";
    response.content_type = "text/html";
  }
  return response;
}

HttpServerResponse FakeHydra::Page(const HttpServerRequest& request) const {
  const std::vector<std::string> parts = absl::StrSplit(absl::StripPrefix(request.path, "/"), '/');
  const auto is = [&](std::vector<absl::string_view> pattern) {
    return parts.size() == pattern.size() &&
           std::equal(parts.begin(), parts.end(), pattern.begin(),
                      [](const auto& a, auto b) { return b.empty() || a == b; });
  };
  if (parts.size() > 2 && !former_name_.empty() && parts[2] == former_name_) {
    return Redirect(301, url_ + absl::StrCat("/", parts[0], "/", parts[1], "/main/", parts[3],
                                             parts.size() > 4 ? "/" + parts[4] : ""));
  }
  if (is({"job", "proj", "main", "", "latest"})) {
    for (auto entry = builds_.rbegin(); entry != builds_.rend(); ++entry) {
      const Build& build = entry->second.build;
      if (build.job == parts[3] && build.status == 0) {
        return Redirect(302, absl::StrCat(url_, "/build/", entry->first));
      }
    }
    return NotFound("There is no successful build to redirect to.");
  }
  if (is({"build", ""})) {
    const auto build = builds_.find(ToNumber(parts[1]));
    if (build == builds_.end()) return NotFound("Build with ID " + parts[1] + " doesn't exist.");
    HttpServerResponse response = Json({});
    response.body = ToJson(build->second);
    return response;
  }
  if (is({"jobset", "proj", "main", "evals"})) return Evaluations(request.query);
  // As Hydra does, whatever errors there are.
  if (is({"jobset", "proj", "main"})) return Json({{"name", "main"}, {"errormsg", ""}});
  if (is({"jobset", "proj", "main", "errors"})) {
    return Json({{"errormsg", errors_}, {"errortime", 1700000000}, {"fetcherrormsg", nullptr}});
  }
  const auto evaluation =
      parts.size() > 1 ? evaluations_.find(ToNumber(parts[1])) : evaluations_.end();
  if (evaluation == evaluations_.end()) return NotFound("Page not found.");
  if (is({"eval", "", "builds"})) {
    std::vector<std::string> texts;
    for (const int64_t id : evaluation->second) texts.push_back(ToJson(builds_.at(id)));
    HttpServerResponse response = Json({});
    response.body = absl::StrCat("[", absl::StrJoin(texts, ","), "]");
    return response;
  }
  if (is({"eval", "", "job", ""})) {
    for (const int64_t id : evaluation->second) {
      if (builds_.at(id).build.job == parts[3]) {
        return Redirect(302, absl::StrCat(url_, "/build/", id));
      }
    }
    return NotFound("This evaluation has no job with the specified name.");
  }
  return NotFound("Page not found.");
}

HttpServerResponse FakeHydra::Evaluations(const std::string& query) const {
  const int64_t page = std::max<int64_t>(1, ToNumber(absl::StripPrefix(query, "page=")));
  json list = json::array();
  int64_t place = 0;
  for (auto entry = evaluations_.rbegin(); entry != evaluations_.rend(); ++entry, ++place) {
    if (place / kPage + 1 != page) continue;
    list.push_back({{"id", entry->first},
                    {"hasnewbuilds", 1},
                    {"builds", entry->second},
                    {"jobsetevalinputs", {{"src", {{"type", "git"}, {"revision", "abc"}}}}}});
  }
  json answer = {{"evals", list}, {"first", "?page=1"}};
  if (place > page * kPage) answer["next"] = absl::StrCat("?page=", page + 1);
  return Json(answer);
}

std::string FakeHydra::ToJson(const Stored& stored) const {
  const bool finished = stored.build.status.has_value();
  json value = {{"id", stored.id},
                {"finished", finished ? 1 : 0},
                {"buildstatus", nullptr},
                {"timestamp", 1700000000},
                {"project", "proj"},
                {"jobset", "main"},
                {"job", stored.build.job},
                {"nixname", "web-1"},
                {"system", "x86_64-linux"},
                {"priority", 100},
                {"jobsetevals", stored.evaluations},
                {"buildoutputs", {{"out", {{"path", stored.build.path}}}}},
                {"buildproducts", json::object()},
                {"buildmetrics", json::object()}};
  if (finished) value["buildstatus"] = *stored.build.status;
  return value.dump();
}

}  // namespace gitops
