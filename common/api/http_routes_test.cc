#include "common/api/http_routes.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/api/api_files.h"
#include "gitops/v1/options.pb.h"
#include "google/api/annotations.pb.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Pair;
using ::testing::UnorderedElementsAreArray;

// The API's own rules.
const HttpRoutes& ApiRoutes() {
  static const auto& routes = *new absl::StatusOr<HttpRoutes>(HttpRoutes::Compile(ApiServices()));
  if (!routes.ok()) ADD_FAILURE() << routes.status();
  return *routes;
}

const RpcRoute* RouteOf(absl::string_view method) {
  for (const RpcRoute& route : ApiRoutes().routes()) {
    if (route.method->full_name() == absl::StrCat("gitops.v1.", method)) return &route;
  }
  ADD_FAILURE() << method << " has no route";
  return nullptr;
}

std::string MethodOf(const RpcMatch& match) {
  return match.route == nullptr ? "" : match.route->method->full_name();
}

TEST(ApiRoutes, EveryRpcHasAWellFormedRuleOrAReasonWhyNot) {
  const auto routes = HttpRoutes::Compile(ApiServices());
  ASSERT_TRUE(routes.ok()) << routes.status();
  EXPECT_FALSE(routes->routes().empty());
}

TEST(ApiRoutes, StandInTheReference) {
  std::ifstream file("docs/reference/api.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::regex row(R"(\| `(GET|POST) (/v1/[^`]*)` \| `(\w+\.\w+)` \|)");
  std::vector<std::string> documented;
  for (auto i = std::sregex_iterator(text.begin(), text.end(), row); i != std::sregex_iterator();
       ++i) {
    documented.push_back(absl::StrCat((*i)[1].str(), " ", (*i)[2].str(), " ", (*i)[3].str()));
  }
  std::vector<std::string> routes;
  for (const RpcRoute& route : ApiRoutes().routes()) {
    routes.push_back(absl::StrCat(route.http_method, " ", route.path, " ",
                                  route.method->service()->name(), ".", route.method->name()));
  }
  EXPECT_THAT(documented, UnorderedElementsAreArray(routes));
}

TEST(ApiRoutes, APathLeadsToItsRpcWithItsNames) {
  const auto match = ApiRoutes().Match("GET", "/v1/hosts/web1/services/nginx");
  ASSERT_TRUE(match.ok()) << match.status();
  EXPECT_EQ(MethodOf(*match), "gitops.v1.AgentService.GetService");
  EXPECT_EQ(match->route->host_variable, "host");
  EXPECT_THAT(match->variables, ElementsAre(Pair("host", "web1"), Pair("service", "nginx")));
}

TEST(ApiRoutes, AServiceMayBeNamedLikeAVerb) {
  const auto frozen = ApiRoutes().Match("POST", "/v1/services/a%3Afreeze:freeze");
  ASSERT_TRUE(frozen.ok()) << frozen.status();
  EXPECT_EQ(MethodOf(*frozen), "gitops.v1.PlannerService.FreezeServices");
  EXPECT_THAT(frozen->variables, ElementsAre(Pair("service", "a:freeze")));

  const auto shown = ApiRoutes().Match("GET", "/v1/hosts/web1/services/a%3Afreeze");
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_EQ(MethodOf(*shown), "gitops.v1.AgentService.GetService");
  EXPECT_THAT(shown->variables, ElementsAre(Pair("host", "web1"), Pair("service", "a:freeze")));

  // Not escaped, it is a verb, which a GET of a service does not have.
  const auto verb = ApiRoutes().Match("GET", "/v1/hosts/web1/services/a:freeze");
  ASSERT_TRUE(verb.ok()) << verb.status();
  EXPECT_EQ(verb->route, nullptr);
  EXPECT_THAT(verb->allowed, ElementsAre("POST"));
}

TEST(ApiRoutes, AnUnknownPathIsToldFromAnotherMethod) {
  const auto unknown = ApiRoutes().Match("GET", "/v1/nothing");
  ASSERT_TRUE(unknown.ok()) << unknown.status();
  EXPECT_EQ(unknown->route, nullptr);
  EXPECT_THAT(unknown->allowed, IsEmpty());

  const auto method = ApiRoutes().Match("DELETE", "/v1/deployments");
  ASSERT_TRUE(method.ok()) << method.status();
  EXPECT_EQ(method->route, nullptr);
  EXPECT_THAT(method->allowed, testing::UnorderedElementsAre("GET", "POST"));

  EXPECT_EQ(ApiRoutes().Match("GET", "/v1/hosts/%zz").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ApiRoutes, SayWhereEachFieldComesFrom) {
  const RpcRoute& list = *RouteOf("PlannerService.ListHosts");
  EXPECT_EQ(list.body, RpcRoute::Body::kNone);
  std::vector<std::string> query;
  for (const FieldPath& field : list.query_fields) query.push_back(ToString(field));
  EXPECT_THAT(query, IsSupersetOf({"selection.on", "selection.orderByTags", "pageSize"}));

  const RpcRoute& cancel = *RouteOf("PlannerService.CancelDeployment");
  EXPECT_EQ(cancel.body, RpcRoute::Body::kRequest);
  EXPECT_THAT(cancel.query_fields, IsEmpty());
  ASSERT_EQ(cancel.path_fields.size(), 1);
  EXPECT_EQ(cancel.path_fields[0]->name(), "id");
}

// A service of its own for each test, with the methods that are given:
//   {{"GET /a/{name}", ""}, …}, each with the request that `fields` describes.
class MadeRoutes : public testing::Test {
 protected:
  struct Rule {
    std::string get;
    std::string post;
    std::string body;
    std::string reason;
    bool client_streams = false;
  };

  absl::StatusOr<HttpRoutes> Compile(const std::vector<Rule>& rules,
                                     const std::string& host_variable = "") {
    google::protobuf::FileDescriptorProto file;
    const std::string fields = R"pb(
      name: "made.proto"
      package: "made"
      syntax: "proto3"
      message_type {
        name: "Request"
        field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
        field { name: "count" number: 2 type: TYPE_INT32 label: LABEL_OPTIONAL }
        field { name: "tags" number: 3 type: TYPE_STRING label: LABEL_REPEATED }
        field {
          name: "spec"
          number: 4
          type: TYPE_MESSAGE
          type_name: ".made.Spec"
          label: LABEL_OPTIONAL
        }
      }
      message_type {
        name: "Spec"
        field { name: "page_size" number: 1 type: TYPE_INT32 label: LABEL_OPTIONAL } PARTS
      }
      message_type { name: "Part" }
    )pb";
    const bool parsed = google::protobuf::TextFormat::ParseFromString(
        absl::StrReplaceAll(fields, {{"PARTS", parts_}}), &file);
    EXPECT_TRUE(parsed);
    auto* service = file.add_service();
    service->set_name("Made");
    if (!host_variable.empty()) {
      service->mutable_options()->SetExtension(v1::host_variable, host_variable);
    }
    for (const Rule& rule : rules) AddMethod(rule, *service);
    pool_ = std::make_unique<google::protobuf::DescriptorPool>(
        google::protobuf::DescriptorPool::generated_pool());
    const auto* built = pool_->BuildFile(file);
    if (built == nullptr) return absl::InternalError("the made file is wrong");
    return HttpRoutes::Compile({built->service(0)});
  }

  std::string Refusal(const std::vector<Rule>& rules, const std::string& host_variable = "") {
    const auto routes = Compile(rules, host_variable);
    if (routes.ok()) return "";
    EXPECT_EQ(routes.status().code(), absl::StatusCode::kInvalidArgument) << routes.status();
    return std::string(routes.status().message());
  }

  // More fields of Spec.
  std::string parts_;

 private:
  static void AddMethod(const Rule& rule, google::protobuf::ServiceDescriptorProto& service) {
    auto* method = service.add_method();
    method->set_name(absl::StrCat("Call", service.method_size()));
    method->set_input_type(".made.Request");
    method->set_output_type(".made.Request");
    method->set_client_streaming(rule.client_streams);
    auto& options = *method->mutable_options();
    if (!rule.reason.empty()) options.SetExtension(v1::no_http_rule, rule.reason);
    if (rule.get.empty() && rule.post.empty() && rule.body.empty()) return;
    auto& http = *options.MutableExtension(google::api::http);
    if (!rule.get.empty()) http.set_get(rule.get);
    if (!rule.post.empty()) http.set_post(rule.post);
    http.set_body(rule.body);
  }

  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
};

TEST_F(MadeRoutes, TheBodyMayBeOneFieldAndTheRestIsQuery) {
  const auto routes = Compile({{.post = "/v1/things/{name}", .body = "spec"}});
  ASSERT_TRUE(routes.ok()) << routes.status();
  const RpcRoute& route = routes->routes().front();
  EXPECT_EQ(route.body, RpcRoute::Body::kField);
  EXPECT_EQ(route.body_field->name(), "spec");
  std::vector<std::string> query;
  for (const FieldPath& field : route.query_fields) query.push_back(ToString(field));
  EXPECT_THAT(query, ElementsAre("count", "tags"));
}

TEST_F(MadeRoutes, AnRpcNeedsEitherARuleOrAReason) {
  EXPECT_THAT(Refusal({{}}), HasSubstr("made.Made.Call1 needs either"));
  EXPECT_THAT(Refusal({{.get = "/v1/a", .reason = "both"}}), HasSubstr("needs either"));
  EXPECT_EQ(Refusal({{.reason = "between parts"}}), "");
}

TEST_F(MadeRoutes, AMalformedRuleIsRefusedAndNamed) {
  struct Case {
    Rule rule;
    const char* says;
  };
  const Case cases[] = {
      {{.body = "*"}, "no path"},
      {{.get = "v1/a"}, "start with"},
      {{.get = "/v1//a"}, "\"\" is not a segment"},
      {{.get = "/v1/a/"}, "\"\" is not a segment"},
      {{.get = "/v1/{name"}, "\"{name\" is not a segment"},
      {{.get = "/v1/{name=a/*}"}, "is not a segment"},
      {{.get = "/v1/*"}, "\"*\" is not a segment"},
      {{.get = "/v1/a%20b"}, "is not a segment"},
      {{.get = "/v1/a:"}, "\"\" is not a verb"},
      {{.get = "/v1/a:b:c"}, "\"b:c\" is not a verb"},
      {{.get = "/v1/a:b/c"}, "\"b/c\" is not a verb"},
      {{.get = "/v1/{other}"}, "{other} is not a field"},
      {{.get = "/v1/{count}"}, "{count} is not one string"},
      {{.get = "/v1/{tags}"}, "{tags} is not one string"},
      {{.get = "/v1/{name}/{name}"}, "{name} is repeated"},
      {{.get = "/v1/a", .body = "*"}, "a GET has no body"},
      {{.post = "/v1/a", .body = "other"}, "the body \"other\""},
      {{.post = "/v1/a", .body = "count"}, "the body \"count\""},
      {{.post = "/v1/a", .body = "*", .client_streams = true}, "stream of requests"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Refusal({c.rule}), testing::AllOf(HasSubstr(c.says), HasSubstr("made.Made.Call1")))
        << c.rule.get << c.rule.post;
  }
}

TEST_F(MadeRoutes, AFieldThatFitsNoQueryNeedsABody) {
  parts_ = R"(field { name: "parts" number: 2 type: TYPE_MESSAGE type_name: ".made.Part"
                      label: LABEL_REPEATED })";
  EXPECT_THAT(Refusal({{.get = "/v1/a"}}), HasSubstr("spec.parts does not fit a query"));
  EXPECT_EQ(Refusal({{.post = "/v1/a", .body = "*"}}), "");
  parts_ = R"(field { name: "spec" number: 2 type: TYPE_MESSAGE type_name: ".made.Spec"
                      label: LABEL_OPTIONAL })";
  EXPECT_THAT(Refusal({{.get = "/v1/a"}}), HasSubstr("spec.spec contains itself"));
}

TEST_F(MadeRoutes, RulesThatOneRequestCouldMeanAreRefused) {
  EXPECT_THAT(Refusal({{.get = "/v1/a/{name}"}, {.get = "/v1/a/b"}}),
              HasSubstr("a GET is ambiguous: made.Made.Call1 (/v1/a/{name}) or made.Made.Call2"));
  EXPECT_THAT(Refusal({{.get = "/v1/{name}/b"}, {.get = "/v1/a/{name}"}}),
              HasSubstr("is ambiguous"));
  EXPECT_THAT(Refusal({{.get = "/v1/a:go"}, {.get = "/v1/a:go"}}), HasSubstr("is ambiguous"));
  EXPECT_EQ(Refusal({{.get = "/v1/a/{name}"},
                     {.get = "/v1/a/{name}:go"},
                     {.post = "/v1/a/{name}", .body = "*"},
                     {.get = "/v1/a/{name}/b"},
                     {.get = "/v1/c/{name}"}}),
            "");
}

TEST_F(MadeRoutes, AServiceOfAgentsNamesTheHostInEveryRule) {
  const auto routes = Compile({{.get = "/v1/{host}/{name}"}}, "host");
  ASSERT_TRUE(routes.ok()) << routes.status();
  EXPECT_EQ(routes->routes().front().host_variable, "host");
  EXPECT_THAT(Refusal({{.get = "/v1/{name}"}}, "host"), HasSubstr("no {host}"));
  EXPECT_THAT(Refusal({{.get = "/v1/{host}/{host}"}}, "host"), HasSubstr("is repeated"));
  EXPECT_THAT(Refusal({{.get = "/v1/{name}"}}, "name"), HasSubstr("is also a field"));
}

}  // namespace
}  // namespace gitops
