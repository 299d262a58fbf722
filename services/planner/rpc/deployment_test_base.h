#ifndef GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_TEST_BASE_H_
#define GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_TEST_BASE_H_

#include <string>

#include "services/planner/rpc/planner_test_base.h"

namespace gitops {

// Two hosts, and deployments of them that the test moves by writing into the store.
class DeploymentTestBase : public PlannerTestBase {
 protected:
  explicit DeploymentTestBase(bool dispatcher = true) : PlannerTestBase(dispatcher) {
    agents_.SetTip(std::string(40, 'b'));
    AddHost("web1");
    AddHost("web2");
  }

  static v1::DeploymentSpec Spec(const std::string& action, const std::string& on = "web*") {
    v1::DeploymentSpec spec;
    spec.add_actions(action);
    spec.mutable_selection()->add_on(on);
    return spec;
  }
  v1::Plan Plan(const v1::DeploymentSpec& spec) {
    v1::CreatePlanRequest request;
    *request.mutable_spec() = spec;
    return Call(&Stub::CreatePlan, request).plan();
  }
  v1::Deployment Begin(const v1::DeploymentSpec& spec) {
    v1::CreateDeploymentRequest request;
    *request.mutable_spec() = spec;
    return Call(&Stub::CreateDeployment, request).deployment();
  }
  void SetState(const std::string& id, v1::DeploymentState state) {
    auto entry = *records_.Load(id);
    entry.deployment.set_state(state);
    ASSERT_TRUE(records_.Save(entry).ok());
  }
  void SetHost(const std::string& id, int index, v1::HostDeploymentState state) {
    auto hosts = *records_.LoadHosts(id);
    hosts[index].host.set_state(state);
    ASSERT_TRUE(records_.SaveHost(id, index, hosts[index], nullptr).ok());
  }
  // `count` steps with six actions each, which all wrote that.
  void SaveSteps(const std::string& id, int index, int count, const std::string& output) {
    const auto hosts = *records_.LoadHosts(id);
    for (int number = 1; number <= count; ++number) {
      v1::StepRecord step;
      step.set_number(number);
      for (int action = 0; action < 6; ++action) step.add_actions()->set_output(output);
      ASSERT_TRUE(records_.SaveHost(id, index, hosts[index], &step).ok());
    }
  }
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_TEST_BASE_H_
