{{/* Variables of their own: what comes from the pod, from Secrets, and from the user. A name must not come twice. */}}
{{- define "imgproxy-py.env" -}}
{{- $names := list -}}
{{- $limits := dig "limits" dict .Values.resources -}}
{{- $requests := dig "requests" dict .Values.resources -}}
{{- if and (not (hasKey .Values.settings "IMGPROXY_WORKERS")) (or (get $limits "cpu") (get $requests "cpu")) -}}
{{- $names = append $names "IMGPROXY_WORKERS" }}
- name: IMGPROXY_WORKERS
  valueFrom:
    resourceFieldRef:
      resource: {{ ternary "limits.cpu" "requests.cpu" (not (empty (get $limits "cpu"))) }}
      divisor: "1"
{{- end -}}
{{- range $name, $secret := .Values.secrets -}}
{{- if or $secret.existingSecret $secret.value -}}
{{- $names = append $names $name }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ default (include "imgproxy-py.fullname" $) $secret.existingSecret }}
      key: {{ ternary $secret.existingSecretKey $name (not (empty $secret.existingSecret)) }}
{{- end -}}
{{- end -}}
{{- if .Values.redis.enabled -}}
{{- $names = append $names "IMGPROXY_REDIS_URL" }}
- name: IMGPROXY_REDIS_URL
  value: {{ printf "redis://%s-redis:6379/0" (include "imgproxy-py.fullname" .) }}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if or (has .name $names) (hasKey $.Values.settings .name) (has .name (list "IMGPROXY_BIND" "IMGPROXY_PROMETHEUS_BIND" "IMGPROXY_SHUTDOWN_DELAY")) -}}
{{- fail (printf "extraEnv: %s is set already" .name) -}}
{{- end -}}
{{- $names = append $names .name }}
- {{ toYaml . | nindent 2 | trim }}
{{- end -}}
{{- end -}}
