{{- define "imgproxy-py.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "imgproxy-py.fullname" -}}
{{- $name := include "imgproxy-py.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What never changes and finds the pods of the service, of nothing else. */}}
{{- define "imgproxy-py.selector" -}}
app.kubernetes.io/name: {{ include "imgproxy-py.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "imgproxy-py.common" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "imgproxy-py.labels" -}}
{{ include "imgproxy-py.selector" . }}
{{ include "imgproxy-py.common" . }}
{{- end -}}

{{- define "imgproxy-py.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "imgproxy-py.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "imgproxy-py.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* A value as an environment has it: YAML's numbers arrive as floating ones, which print as 1.34217728e+08. */}}
{{- define "imgproxy-py.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}
{{- int64 . -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/* Seconds that requests in flight get at the end: as the service reckons it, blank being the default. */}}
{{- define "imgproxy-py.patience" -}}
{{- $timeout := get .Values.settings "IMGPROXY_TIMEOUT" | toString | default "10" | float64 -}}
{{- $given := get .Values.settings "IMGPROXY_GRACEFUL_STOP_TIMEOUT" | toString -}}
{{- if $given -}}{{ float64 $given }}{{- else -}}{{ mulf 2 $timeout }}{{- end -}}
{{- end -}}

{{/* preStop, then the delay, then what is in flight, then what closing takes. */}}
{{- define "imgproxy-py.gracePeriod" -}}
{{- $shutdown := .Values.shutdown -}}
{{- $patience := include "imgproxy-py.patience" . | float64 -}}
{{- ceil (addf $shutdown.preStopSeconds $shutdown.delaySeconds $patience $shutdown.reserveSeconds) | int64 -}}
{{- end -}}

{{- define "imgproxy-py.madeSecret" -}}
{{- range $name, $secret := .Values.secrets -}}{{- if and $secret.value (not $secret.existingSecret) -}}yes{{- end -}}{{- end -}}
{{- end -}}

{{- define "imgproxy-py.usesRedis" -}}
{{- $url := .Values.secrets.IMGPROXY_REDIS_URL -}}
{{- if or .Values.redis.enabled .Values.existingSecret $url.existingSecret $url.value .Values.networkPolicy.egress.redis.to -}}yes{{- end -}}
{{- end -}}

{{- define "imgproxy-py.settings" -}}
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ include "imgproxy-py.text" $value | quote }}
{{- end }}
{{- end -}}

{{/* Names of metrics begin with IMGPROXY_PROMETHEUS_NAMESPACE: so do those in rules, dashboards and queries. */}}
{{- define "imgproxy-py.metricPrefix" -}}
{{- $namespace := get .Values.settings "IMGPROXY_PROMETHEUS_NAMESPACE" | toString | default "imgproxy" -}}
{{- printf "%s_" $namespace -}}
{{- end -}}

{{- define "imgproxy-py.check" -}}
{{- $scaled := or .Values.autoscaling.enabled .Values.keda.enabled -}}
{{- if and .Values.autoscaling.enabled .Values.keda.enabled -}}
{{- fail "autoscaling.enabled and keda.enabled: two would scale one Deployment, choose one" -}}
{{- end -}}
{{- if and .Values.redis.enabled (or .Values.secrets.IMGPROXY_REDIS_URL.value .Values.secrets.IMGPROXY_REDIS_URL.existingSecret) -}}
{{- fail "redis.enabled and secrets.IMGPROXY_REDIS_URL: choose one Redis" -}}
{{- end -}}
{{- if not .Values.metrics.enabled -}}
{{- if or .Values.metrics.serviceMonitor.enabled .Values.metrics.prometheusRule.enabled .Values.autoscaling.queueDepth.enabled .Values.autoscaling.queueWait.enabled -}}
{{- fail "metrics.enabled is false, but something that is enabled needs metrics" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (not (or .Values.autoscaling.cpuUtilization .Values.autoscaling.queueDepth.enabled .Values.autoscaling.queueWait.enabled)) -}}
{{- fail "autoscaling.enabled: name at least one of cpuUtilization, queueDepth, queueWait" -}}
{{- end -}}
{{- if and .Values.keda.enabled (not (or .Values.keda.cpuUtilization .Values.keda.prometheus.serverAddress)) -}}
{{- fail "keda.enabled: name at least one of cpuUtilization, prometheus.serverAddress" -}}
{{- end -}}
{{- if and $scaled (or (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) (gt (int .Values.keda.minReplicas) (int .Values.keda.maxReplicas))) -}}
{{- fail "minReplicas is more than maxReplicas" -}}
{{- end -}}
{{- end -}}
