#include <string>
#include <vector>

#include "services/planner/program/planner.h"

int main(int argc, char** argv) {
  return gitops::RunPlanner(std::vector<std::string>(argv + 1, argv + argc));
}
