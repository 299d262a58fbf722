#include "gateway/gitopper/gitopper_json.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

v1::Service Grafana() {
  v1::Service service;
  service.set_host("web1");
  service.set_service("grafana-server");
  service.set_hash("606eb576c1b91248e4c1c4cd0d720f27ac0deb70");
  service.set_state(v1::SERVICE_STATE_OK);
  service.mutable_change_time()->set_seconds(1668762892);
  service.mutable_change_time()->set_nanos(999'999'999);
  return service;
}

TEST(GitopperJsonTest, AServiceLooksAsInGitopper) {
  EXPECT_EQ(GitopperService(Grafana()),
            R"({"service":"grafana-server","hash":"606eb576c1b91248e4c1c4cd0d720f27ac0deb70",)"
            R"("state":"OK","stateinfo":"","change":"Fri, 18 Nov 2022 09:14:52 UTC"})");
}

TEST(GitopperJsonTest, EveryStateHasGitoppersName) {
  v1::Service service = Grafana();
  service.set_state(v1::SERVICE_STATE_FREEZE);
  service.set_state_info("ROLLBACK: 8df1b3db");
  EXPECT_NE(GitopperService(service).find(R"("state":"FREEZE","stateinfo":"ROLLBACK: 8df1b3db")"),
            std::string::npos);
  for (const auto& [state, name] :
       {std::pair(v1::SERVICE_STATE_ROLLBACK, "ROLLBACK"),
        std::pair(v1::SERVICE_STATE_BROKEN, "BROKEN"), std::pair(v1::SERVICE_STATE_DIFF, "DIFF")}) {
    service.set_state(state);
    EXPECT_NE(GitopperService(service).find(std::string("\"state\":\"") + name + "\""),
              std::string::npos);
  }
}

TEST(GitopperJsonTest, AServiceThatNeverChangedHasGosZeroTime) {
  v1::Service service = Grafana();
  service.clear_change_time();
  EXPECT_NE(GitopperService(service).find(R"("change":"Mon, 01 Jan 0001 00:00:00 UTC"})"),
            std::string::npos);
}

TEST(GitopperJsonTest, ListsStandUnderTheirNameAlsoWhenEmpty) {
  EXPECT_EQ(GitopperMachines({}), R"({"machines":[]})");
  EXPECT_EQ(GitopperServices({}), R"({"services":[]})");
  v1::Machine machine;
  machine.set_machine("grafana.atoom.net");
  machine.set_actual("web1");
  EXPECT_EQ(GitopperMachines({machine, machine}),
            R"({"machines":[{"machine":"grafana.atoom.net","actual":"web1"},)"
            R"({"machine":"grafana.atoom.net","actual":"web1"}]})");
  EXPECT_EQ(GitopperServices({Grafana()}), R"({"services":[)" + GitopperService(Grafana()) + "]}");
}

TEST(GitopperJsonTest, TextIsEscapedAsByGo) {
  v1::Service service = Grafana();
  service.set_state_info("a<b> & \"c\"\n\xe2\x80\xa8");
  EXPECT_NE(GitopperService(service).find(R"("stateinfo":"a\u003cb\u003e \u0026 \"c\"\n\u2028")"),
            std::string::npos);
}

}  // namespace
}  // namespace gitops
