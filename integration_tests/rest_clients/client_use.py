"""Uses the client that openapi-python-client generated: client_use.py URL REVISION."""

import sys
from typing import TypeVar

from gitops_client import AuthenticatedClient
from gitops_client.api.agent_service import freeze_service, get_service, unfreeze_service
from gitops_client.api.planner_service import (create_deployment, create_plan, get_deployment,
                                               get_host, list_hosts, watch_deployment)
from gitops_client.api.promotion_service import approve_promotion, list_promotions
from gitops_client.models import (ApprovePromotionRequest, ApprovePromotionResponse,
                                  CreateDeploymentRequest, CreateDeploymentResponse,
                                  CreatePlanRequest, CreatePlanResponse, DeploymentSpecInput,
                                  DeploymentState, FreezeServiceRequest, FreezeServiceResponse,
                                  GetDeploymentResponse, GetServiceResponse, ListHostsResponse,
                                  ListPromotionsResponse, Problem, PromotionState, SelectionInput,
                                  ServiceState, UnfreezeServiceResponse)

T = TypeVar("T")


def of_kind(kind: type[T], answer: object) -> T:
    assert isinstance(answer, kind), answer
    return answer


def main(url: str, revision: str) -> None:
    client = AuthenticatedClient(base_url=url, token="token-admin", raise_on_unexpected_status=True)

    hosts = of_kind(ListHostsResponse, list_hosts.sync(client=client)).hosts
    assert [host.host for host in hosts] == ["web1", "web2"]
    tagged = of_kind(ListHostsResponse, list_hosts.sync(client=client, selection_tagged=["prod"]))
    assert [host.host for host in tagged.hosts] == ["web1"]
    service = of_kind(GetServiceResponse, get_service.sync("web1", "app", client=client)).service
    assert service is not None and service.state == ServiceState.OK

    frozen = of_kind(FreezeServiceResponse, freeze_service.sync(
        "web1", "app", client=client, body=FreezeServiceRequest(reason="a look"))).service
    assert frozen is not None and frozen.state == ServiceState.FREEZE
    assert frozen.change_time is not None and frozen.change_time.tzinfo is not None
    of_kind(UnfreezeServiceResponse, unfreeze_service.sync("web1", "app", client=client))

    plan = of_kind(CreatePlanResponse, create_plan.sync(client=client, body=CreatePlanRequest(
        spec=DeploymentSpecInput(actions=["sync"], selection=SelectionInput(all_=True))))).plan
    assert plan is not None
    begun = of_kind(CreateDeploymentResponse, create_deployment.sync(
        client=client, idempotency_key="python", body=CreateDeploymentRequest(plan_token=plan.token)))
    assert begun.deployment is not None
    watched = of_kind(str, watch_deployment.sync(begun.deployment.id, client=client))
    assert '"SUCCEEDED"' in watched.splitlines()[-1]
    ended = of_kind(GetDeploymentResponse, get_deployment.sync(begun.deployment.id, client=client))
    assert ended.deployment is not None and ended.deployment.state == DeploymentState.SUCCEEDED

    waiting = of_kind(ListPromotionsResponse, list_promotions.sync(client=client)).promotions
    promotion = next(each for each in waiting if each.revision == revision)
    assert promotion.state == PromotionState.WAITING_APPROVAL
    approved = of_kind(ApprovePromotionResponse, approve_promotion.sync(
        "shopping", "search", "prod", client=client, body=ApprovePromotionRequest(revision=revision)))
    assert approved.promotion is not None and approved.promotion.approval is not None

    missing = get_host.sync_detailed("web9", client=client)
    problem = of_kind(Problem, missing.parsed)
    assert (missing.status_code, problem.status, problem.reason) == (404, 404, "HOST_UNKNOWN")
    assert problem.metadata.additional_properties["host"] == "web9"
    anonymous = AuthenticatedClient(base_url=url, token="wrong")
    assert of_kind(Problem, list_hosts.sync(client=anonymous)).reason == "UNAUTHENTICATED"


main(*sys.argv[1:])
