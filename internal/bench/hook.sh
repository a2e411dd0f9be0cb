#!/bin/bash
# A preStop hook as a team writes one with bash and curl, for the benchmark to compare prestop with. It takes
# prestop's variables and makes the calls that prestop makes: the app is told, the own node is found by its name,
# its shutdown is registered unless it is already, and looked at until it is complete. Then it sleeps for what is
# left of the wait.
set -o nounset

began=${EPOCHREALTIME/./}
base=$PRE_STOP_ELASTICSEARCH_URL
json=(--header 'Content-Type: application/json')
read -r password <"$PRE_STOP_ELASTICSEARCH_PASSWORD_FILE"

say() { printf '%(%FT%T%z)T %s\n' -1 "$*"; }

call() { curl --silent --show-error --fail --max-time 10 --retry 3 "$@"; }

elasticsearch() {
  call --cacert "$PRE_STOP_ELASTICSEARCH_CA_FILE" --user "$PRE_STOP_ELASTICSEARCH_USERNAME:$password" "$@"
}

stop_app() {
  call --request POST "${json[@]}" --output /dev/null "$PRE_STOP_APP_URL" \
    --data "{\"type\":\"restart\",\"reason\":\"preStop\",\"pod\":\"$POD_NAME\",\"remainingSeconds\":25}"
}

# find_node sets node to the id of the node that answers, if that is called as this pod is.
find_node() {
  local answer
  answer=$(elasticsearch "$base/_nodes/_local/http?filter_path=_nodes.failed,nodes.*.name,nodes.*.http.publish_address") || return
  [[ $answer == *"\"name\":\"$POD_NAME\""* && $answer =~ \"nodes\":\{\"([^\"]+)\" ]] && node=${BASH_REMATCH[1]}
}

# look sets status to the overall status of the node's shutdown, or to nothing if there is none.
look() {
  local answer
  status=
  answer=$(elasticsearch "$base/_nodes/$node/shutdown?master_timeout=8s") || return
  if [[ $answer =~ \"status\":\"([A-Z_]+)\",\"shard_migration\" ]]; then
    status=${BASH_REMATCH[1]}
  fi
}

register() {
  elasticsearch --request PUT "${json[@]}" --output /dev/null "$base/_nodes/$node/shutdown?master_timeout=8s" \
    --data "{\"type\":\"restart\",\"reason\":\"preStop of $POD_NAME\"}"
}

stop_node() {
  find_node && look || return
  if [[ -z $status ]]; then
    say "registering the shutdown of $node"
    register || return
  fi
  until look && [[ $status == COMPLETE ]]; do
    say "shutdown is $status"
    sleep 0.5
  done
  say "shutdown is COMPLETE"
}

failed=0
stop_app || failed=1
stop_node || failed=1
left=$((PRE_STOP_ADDITIONAL_WAIT_SECONDS * 1000000 - ${EPOCHREALTIME/./} + began))
if ((left > 0)); then
  printf -v left '%d.%06d' $((left / 1000000)) $((left % 1000000))
  say "waiting for $left s"
  sleep "$left"
fi
exit "$failed"
