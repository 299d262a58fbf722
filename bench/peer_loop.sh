#!/usr/bin/env bash
# The plain way to follow a branch, as a peer for the agent: ask for the tip, fetch it shallowly, add
# a work tree beside the old one, exchange a symlink. It verifies nothing, flushes nothing to disk,
# keeps no state, removes nothing, and reloads nothing.
#
#   peer_loop.sh UPSTREAM BRANCH ROOT PERIOD      ROOT/current is the symlink; ROOT/polls counts
set -euo pipefail
upstream=$1 branch=$2 root=$3 period=$4

git init -q --bare "$root/mirror"
git -C "$root/mirror" config gc.auto 0
exec {never}<> <(:)  # waiting on it spawns nothing, unlike sleep
current=
while :; do
  read -r tip _ < <(git ls-remote -q "$upstream" "refs/heads/$branch")
  if [ "$tip" != "$current" ]; then
    git -C "$root/mirror" fetch -q --depth 1 --no-tags "$upstream" "$tip"
    git -C "$root/mirror" worktree add -q --detach --force "$root/$tip" "$tip"
    ln -s "$tip" "$root/next"
    mv -T "$root/next" "$root/current"
    current=$tip
  fi
  echo >> "$root/polls"
  read -rt "$period" -u "$never" || true
done
