#include "ctl/output/renderer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace gitops::ctl {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHash[] = "606eb576c1b91248e4c1c4cd0d720f27ac0deb70";

v1::Service Grafana() {
  v1::Service service;
  service.set_host("web1");
  service.set_service("grafana-server");
  service.set_state(v1::SERVICE_STATE_OK);
  service.set_hash(kHash);
  service.mutable_change_time()->set_seconds(1668762892);
  return service;
}

v1::Service Broken() {
  v1::Service service;
  service.set_service("nginx");
  service.set_state(v1::SERVICE_STATE_BROKEN);
  service.set_state_info("reload failed\n\x1b[2J");
  service.set_target_hash("8df1");
  service.set_branch("main");
  service.set_upstream("https://git.example/ops.git");
  service.set_frozen_by("alice@laptop");
  return service;
}

v1::WatchServicesResponse UpdateOf(const v1::Service& service, bool initial_done = false) {
  v1::WatchServicesResponse update;
  *update.mutable_service() = service;
  update.set_initial_done(initial_done);
  return update;
}

class RendererTest : public testing::Test {
 protected:
  Renderer& Make(OutputForm form) {
    options_.form = form;
    renderer_ = MakeRenderer(options_, out_);
    return *renderer_;
  }
  std::string Taken() {
    std::string text = out_.str();
    out_.str("");
    return text;
  }

  RendererTest() {
    options_.now = [] { return absl::FromUnixSeconds(1668762892 + 200); };
  }

  RenderOptions options_;
  std::ostringstream out_;
  std::unique_ptr<Renderer> renderer_;
};

TEST_F(RendererTest, TableOfServicesLeavesOutWhatIsEmpty) {
  ASSERT_TRUE(Make(OutputForm::kTable).Services({Grafana()}).ok());
  EXPECT_EQ(Taken(),
            "SERVICE         HASH      STATE  AGE\n"
            "grafana-server  606eb576  OK     3m\n");
}

TEST_F(RendererTest, ShowsHowAServiceRelatesToItsBranch) {
  v1::Service behind = Grafana();
  behind.set_sync(v1::SYNC_STATUS_BEHIND);
  v1::Service silent = Grafana();
  silent.set_sync(v1::SYNC_STATUS_UNKNOWN);
  silent.mutable_failed_health()->set_message("http port 80: refused");
  ASSERT_TRUE(Make(OutputForm::kTable).Services({behind, silent}).ok());
  EXPECT_EQ(Taken(),
            "SERVICE         HASH      STATE  SYNC     AGE  INFO\n"
            "grafana-server  606eb576  OK     BEHIND   3m\n"
            "grafana-server  606eb576  OK?    UNKNOWN  3m   health checks failed: http port 80: "
            "refused\n");
}

TEST_F(RendererTest, ATableFitsTheTerminalAndItsLastColumnIsCut) {
  options_.terminal = true;
  options_.size = [] { return TerminalSize{24, 30}; };
  ASSERT_TRUE(Make(OutputForm::kTable).Services({Broken()}).ok());
  EXPECT_EQ(Taken(), "SERVICE STATE  INFO\nnginx   BROKEN reload failed\\…\n");
  ASSERT_TRUE(Make(OutputForm::kWide).Services({Broken()}).ok());
  EXPECT_THAT(Taken(), EndsWith("reload failed\\n\\x1b[2J\n")) << "wide is not cut";
}

TEST_F(RendererTest, ColumnsAreThoseThatWereAskedFor) {
  v1::Service second = Broken();
  second.set_service("a");
  options_.columns = {"state", "Service"};
  options_.sort = "service";
  ASSERT_TRUE(Make(OutputForm::kTable).Services({Grafana(), second}).ok());
  EXPECT_EQ(Taken(), "STATE   SERVICE\nBROKEN  a\nOK      grafana-server\n");
  options_.sort = "-service";
  options_.headers = false;
  ASSERT_TRUE(Make(OutputForm::kWide).Services({Grafana(), second}).ok());
  EXPECT_EQ(Taken(), "OK      grafana-server\nBROKEN  a\n");
}

TEST_F(RendererTest, AnUnknownColumnNamesThoseThatExist) {
  options_.columns = {"SERVICE", "AGES"};
  const absl::Status status = Make(OutputForm::kTable).Services({});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(),
              HasSubstr("--columns: there is no column AGES; there are SERVICE, HASH, COMMIT, "));
  EXPECT_EQ(Taken(), "");
}

TEST_F(RendererTest, HistoryShowsWhatWasPublished) {
  v1::Change change;
  change.mutable_time()->set_seconds(1668762892);
  change.set_from_hash("8df1b3db679253ba501d594de285cc3e9ed308ed");
  change.set_to_hash(kHash);
  change.set_from_state(v1::SERVICE_STATE_OK);
  change.set_to_state(v1::SERVICE_STATE_OK);
  change.set_reason("upstream moved");
  change.set_actor("agent");
  change.mutable_commit()->set_subject("Raise the limit");
  change.mutable_commit()->set_author("alice");
  ASSERT_TRUE(Make(OutputForm::kTable).History({change}).ok());
  EXPECT_EQ(Taken(),
            "AGE  REVISION              STATE  BY     WHY\n"
            "3m   8df1b3db -> 606eb576  OK     agent  upstream moved; Raise the limit\n");
  ASSERT_TRUE(Make(OutputForm::kName).History({change}).ok());
  EXPECT_EQ(Taken(), std::string(kHash) + "\n");
  ASSERT_TRUE(Make(OutputForm::kWide).History({change}).ok());
  EXPECT_THAT(Taken(), HasSubstr("Raise the limit (alice)"));
}

TEST_F(RendererTest, TableEscapesWhatTheAgentSays) {
  ASSERT_TRUE(Make(OutputForm::kTable).Services({Broken()}).ok());
  EXPECT_EQ(Taken(),
            "SERVICE  STATE   INFO\n"
            "nginx    BROKEN  reload failed\\n\\x1b[2J\n");
}

TEST_F(RendererTest, WideAddsTargetBranchUpstreamAndBy) {
  ASSERT_TRUE(Make(OutputForm::kWide).Services({Broken()}).ok());
  const std::string text = Taken();
  EXPECT_THAT(text, HasSubstr("TARGET  BRANCH  UPSTREAM                     BY            INFO\n"));
  EXPECT_THAT(text, HasSubstr("8df1    main    https://git.example/ops.git  alice@laptop  reload"));
}

TEST_F(RendererTest, ColorsStatesAndNothingElse) {
  options_.color = true;
  ASSERT_TRUE(Make(OutputForm::kTable).Services({Grafana()}).ok());
  EXPECT_THAT(Taken(), HasSubstr("  \x1b[32mOK\x1b[0m     3m"));
  ASSERT_TRUE(Make(OutputForm::kJson).Services({Grafana()}).ok());
  EXPECT_THAT(Taken(), Not(HasSubstr("\x1b")));
}

TEST_F(RendererTest, MachinesInEveryForm) {
  v1::Machine machine;
  machine.set_machine("grafana.example");
  machine.set_actual("web1");
  const struct {
    OutputForm form;
    const char* text;
  } kCases[] = {
      {OutputForm::kTable, "MACHINE          ACTUAL\ngrafana.example  web1\n"},
      {OutputForm::kJson,
       "{\n  \"machines\": [\n    {\n      \"machine\": \"grafana.example\",\n"
       "      \"actual\": \"web1\",\n      \"configFault\": \"\"\n    }\n  ]\n}\n"},
      {OutputForm::kYaml,
       "machines:\n  - machine: grafana.example\n    actual: web1\n    configFault: \"\"\n"},
      {OutputForm::kName, "grafana.example\n"},
  };
  for (const auto& c : kCases) {
    ASSERT_TRUE(Make(c.form).Machines({machine}).ok());
    EXPECT_EQ(Taken(), c.text);
  }
}

TEST_F(RendererTest, EmptyListsAreStillLists) {
  ASSERT_TRUE(Make(OutputForm::kJson).Services({}).ok());
  EXPECT_EQ(Taken(), "{\n  \"services\": []\n}\n");
  ASSERT_TRUE(Make(OutputForm::kYaml).Services({}).ok());
  EXPECT_EQ(Taken(), "services: []\n");
  ASSERT_TRUE(Make(OutputForm::kName).Services({}).ok());
  EXPECT_EQ(Taken(), "");
}

TEST_F(RendererTest, OneServiceShowsRevisionsAndChanges) {
  v1::Service service = Grafana();
  v1::Directory* directory = service.add_directories();
  directory->set_local("/etc/grafana");
  directory->set_link("grafana/etc");
  service.add_revisions(kHash);
  service.add_revisions("8df1b3db679253ba501d594de285cc3e9ed308ed");
  v1::Change* change = service.add_changes();
  change->mutable_time()->set_seconds(1668762892);
  change->set_from_hash("8df1b3db679253ba501d594de285cc3e9ed308ed");
  change->set_to_hash(kHash);
  change->set_from_state(v1::SERVICE_STATE_OK);
  change->set_to_state(v1::SERVICE_STATE_OK);
  change->set_reason("upstream moved");
  change->set_actor("agent");
  change->mutable_duration()->set_nanos(52'900'000);
  ASSERT_TRUE(Make(OutputForm::kTable).Service(service).ok());
  EXPECT_EQ(Taken(),
            "Service:   grafana-server\n"
            "Host:      web1\n"
            "State:     OK\n"
            "Hash:      606eb576c1b91248e4c1c4cd0d720f27ac0deb70\n"
            "Changed:   Fri, 18 Nov 2022 09:14:52 UTC\n"
            "Tracking:  unspecified\n"
            "\n"
            "Published:\n"
            "  /etc/grafana  <-  grafana/etc\n"
            "\n"
            "Revisions on disk:\n"
            "  606eb576c1b91248e4c1c4cd0d720f27ac0deb70  published\n"
            "  8df1b3db679253ba501d594de285cc3e9ed308ed\n"
            "\n"
            "Changes:\n"
            "  AGE  WHEN                           REVISION              STATE  BY     TOOK  WHY\n"
            "  3m   Fri, 18 Nov 2022 09:14:52 UTC  8df1b3db -> 606eb576  OK     agent  52ms  "
            "upstream moved\n");
}

TEST_F(RendererTest, DifferencesAreUnifiedDiffsOfEscapedText) {
  v1::DiffServiceResponse response;
  v1::Difference* gone = response.add_differences();
  gone->set_kind(v1::Difference::KIND_DELETED);
  gone->set_path("/etc/a");
  v1::Difference* text = response.add_differences();
  text->set_kind(v1::Difference::KIND_MODIFIED);
  text->set_path("/etc/b\n");
  text->set_detail("@@ -1 +1 @@\n-old\n+\x1b\u200b new\n");
  text->set_added_lines(1);
  text->set_removed_lines(1);
  v1::Difference* none = response.add_differences();
  none->set_kind(v1::Difference::KIND_NOT_PUBLISHED);
  none->set_path("/etc/c");
  none->set_detail("no mount");
  ASSERT_TRUE(Make(OutputForm::kTable).Differences(response).ok());
  EXPECT_EQ(Taken(),
            "deleted        /etc/a\n"
            "modified       /etc/b\\n  +1 -1\n"
            "@@ -1 +1 @@\n-old\n+\\x1b\\u{200b} new\n"
            "not published  /etc/c  no mount\n");
}

TEST_F(RendererTest, WatchedTableIsOneLineAChangeWhereThereIsNoTerminal) {
  Renderer& renderer = Make(OutputForm::kTable);
  ASSERT_TRUE(renderer.Update(UpdateOf(Grafana())).ok());
  EXPECT_EQ(Taken(), "") << "nothing is printed before all services are known";
  v1::Service nginx = Broken();
  nginx.clear_state_info();
  ASSERT_TRUE(renderer.Update(UpdateOf(nginx, true)).ok());
  EXPECT_EQ(Taken(),
            "SERVICE         HASH      STATE   SYNC  AGE  INFO\n"
            "grafana-server  606eb576  OK            3m\n"
            "nginx                     BROKEN\n");
  nginx.set_state(v1::SERVICE_STATE_OK);
  ASSERT_TRUE(renderer.Update(UpdateOf(nginx)).ok());
  EXPECT_EQ(Taken(), "nginx                     OK\n");
  v1::WatchServicesResponse removed = UpdateOf(nginx);
  removed.set_removed(true);
  ASSERT_TRUE(renderer.Update(removed).ok());
  EXPECT_EQ(Taken(), "nginx                     REMOVED\n");
}

TEST_F(RendererTest, WatchedTableIsRedrawnOnATerminalAndCutToItsWidth) {
  options_.terminal = true;
  options_.size = [] { return TerminalSize{24, 20}; };
  Renderer& renderer = Make(OutputForm::kTable);
  ASSERT_TRUE(renderer.Update(UpdateOf(Grafana(), true)).ok());
  EXPECT_EQ(Taken(), "SERVICE        HASH…\ngrafana-server 606e…\n");
  ASSERT_TRUE(renderer.Update(UpdateOf(Grafana())).ok());
  EXPECT_EQ(Taken(), "\x1b[2A\x1b[JSERVICE        HASH…\ngrafana-server 606e…\n");
}

TEST_F(RendererTest, OfMoreRowsThanTheTerminalHasTheDegradedOnesAreShownAndTheOthersCounted) {
  options_.terminal = true;
  options_.size = [] { return TerminalSize{6, 80}; };
  Renderer& renderer = Make(OutputForm::kTable);
  for (int i = 0; i < 10; ++i) {
    v1::Service service = Grafana();
    service.set_service(std::to_string(i));
    if (i >= 8) service.set_state(v1::SERVICE_STATE_BROKEN);
    ASSERT_TRUE(renderer.Update(UpdateOf(service, i == 9)).ok());
  }
  EXPECT_EQ(Taken(),
            "10 rows, 2 degraded; 7 not shown\n"
            "SERVICE  HASH      STATE   AGE\n"
            "8        606eb576  BROKEN  3m\n"
            "9        606eb576  BROKEN  3m\n"
            "0        606eb576  OK      3m\n");
}

TEST_F(RendererTest, AWatchThatBeginsAnewReplacesTheRows) {
  Renderer& renderer = Make(OutputForm::kTable);
  ASSERT_TRUE(renderer.Update(UpdateOf(Grafana(), true)).ok());
  renderer.RestartWatch();
  Taken();
  ASSERT_TRUE(renderer.Update(UpdateOf(Broken(), true)).ok());
  EXPECT_THAT(Taken(), Not(HasSubstr("grafana")));
}

TEST_F(RendererTest, WatchedTableOnATinyScreenIsNotRedrawn) {
  options_.terminal = true;
  options_.size = [] { return TerminalSize{2, 80}; };
  Renderer& renderer = Make(OutputForm::kTable);
  ASSERT_TRUE(renderer.Update(UpdateOf(Grafana(), true)).ok());
  Taken();
  ASSERT_TRUE(renderer.Update(UpdateOf(Grafana())).ok());
  EXPECT_THAT(Taken(), Not(HasSubstr("\x1b[")));
}

TEST_F(RendererTest, WatchOfNothingShowsTheHeader) {
  v1::WatchServicesResponse nothing;
  nothing.set_initial_done(true);
  ASSERT_TRUE(Make(OutputForm::kTable).Update(nothing).ok());
  EXPECT_EQ(Taken(), "SERVICE  HASH  STATE  SYNC  AGE  INFO\n");
  ASSERT_TRUE(Make(OutputForm::kJson).Update(nothing).ok());
  EXPECT_EQ(Taken(), "");
}

TEST_F(RendererTest, WatchedJsonIsOneObjectALine) {
  v1::WatchServicesResponse removed = UpdateOf(Grafana());
  removed.set_removed(true);
  Renderer& renderer = Make(OutputForm::kJson);
  ASSERT_TRUE(renderer.Update(UpdateOf(Grafana())).ok());
  ASSERT_TRUE(renderer.Update(removed).ok());
  const std::string text = Taken();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_THAT(text, HasSubstr("\"removed\":false}\n{\"host\":\"web1\""));
  EXPECT_THAT(text, EndsWith("\"removed\":true}\n"));
}

}  // namespace
}  // namespace gitops::ctl
